-- Published without a column of every row, and without every third row.
CREATE TABLE narrow (id bigint PRIMARY KEY, a integer, b integer, note text, hidden text);
CREATE PUBLICATION bench FOR TABLE narrow (id, a, b, note) WHERE (id % 3 <> 0);
