# pglogical as one more method of apply.sh, when its package is installed.
#
# Sourced by apply.sh after lib.sh. It applies on a cluster of its own, so that the other methods run beside
# none of its workers; the source loads it for all. Its conflict_resolution is `error`, which is
# what the built-in subscription does and what lets it insert in batches.
# shellcheck shell=bash disable=SC2154

pglogical_is_installed() { [ -f "$("$PG_CONFIG" --sharedir)/extension/pglogical.control" ]; }

# Lines of configuration, for both clusters.
pglogical_settings=("shared_preload_libraries = 'pglogical'" "pglogical.conflict_resolution = 'error'"
    'max_worker_processes = 30')
if "$bin/postgres" --describe-config | grep '^output_plugin_libraries' >/dev/null; then
    pglogical_settings+=("output_plugin_libraries = 'pgoutput, walpack, pglogical_output'")
fi

# provide DATABASE: the source as a node that publishes the workload's tables. One without a key can only
# be inserted into, in a set for that.
provide() {
    sql source "$1" >/dev/null <<SQL
CREATE EXTENSION pglogical;
SELECT pglogical.create_node('provider', '$(conninfo source "$1")');
SELECT pglogical.replication_set_add_table(
           CASE WHEN EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)
                THEN 'default' ELSE 'default_insert_only' END, c.oid)
FROM pg_class c WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace;
SQL
}

subscription_status_is() { # DATABASE STATUS
    [ "$(sql target_pglogical "$1" -c "SELECT status FROM pglogical.show_subscription_status('bench')")" = "$2" ]
}

# subscribe SOURCE-DATABASE TARGET-DATABASE: a subscription that is disabled, and stands where the slot `base`
# does. It makes its own slot and origin at the current position once it runs; they are replaced. Sets $slot.
subscribe() {
    sql target_pglogical "$2" >/dev/null <<SQL
CREATE EXTENSION pglogical;
SELECT pglogical.create_node('subscriber', '$(conninfo target_pglogical "$2")');
SELECT pglogical.create_subscription('bench', '$(conninfo source "$1")',
    synchronize_structure := false, synchronize_data := false);
SQL
    eventually 60 subscription_status_is "$2" replicating
    slot=$(sql target_pglogical "$2" -c 'SELECT sub_slot_name FROM pglogical.subscription')
    sql target_pglogical "$2" -c "SELECT pglogical.alter_subscription_disable('bench', true)" >/dev/null
    drop_slot "$slot"
    until_backends target_pglogical 0
    sql source "$1" -c "SELECT pg_copy_logical_replication_slot('base', '$slot', false, 'pglogical_output')" >/dev/null
    sql target_pglogical "$2" -c "SELECT pg_replication_origin_drop('$slot')" \
        -c "SELECT pg_replication_origin_create('$slot')" >/dev/null
}

# The database stays: the extension's supervisor does not answer the barrier that DROP DATABASE waits for.
unsubscribe() { # TARGET-DATABASE
    sql target_pglogical "$1" -c "SELECT pglogical.drop_subscription('bench')" >/dev/null
    sql target_pglogical "$1" -c 'DROP EXTENSION pglogical CASCADE' 2>/dev/null
}
