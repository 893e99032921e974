\ir ../narrow.setup.sql
\ir ../wide.setup.sql
