-- :rows in each of the two tables.
\ir ../narrow.run.sql
\ir ../wide.run.sql
