DELETE FROM narrow;
