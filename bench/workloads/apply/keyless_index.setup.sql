-- The same with an index that is not unique.
\ir keyless.setup.sql
CREATE INDEX readings_by_device ON readings (device);
