CREATE TABLE narrow (id bigint PRIMARY KEY, a integer, b integer, note text);
