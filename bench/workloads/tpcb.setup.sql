-- The tables come from pgbench. The history has no key, so its updates need an identity to be published.
ALTER TABLE pgbench_history REPLICA IDENTITY FULL;
