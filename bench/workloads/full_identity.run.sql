UPDATE narrow SET a = a + 1;
