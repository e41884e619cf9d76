-- What is left to do, beside the ledger: one row per order without an outcome. Runs after schema.sql.

CREATE TABLE outbox (
    order_id uuid PRIMARY KEY REFERENCES orders,
    due_at   timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 70);
CREATE INDEX outbox_due ON outbox (due_at);
GRANT SELECT, INSERT, UPDATE (due_at), DELETE ON outbox TO shop;

-- Announced at commit, to whoever listens then. Nobody relies on it: workers and event streams also look by themselves.
CREATE FUNCTION announce_work() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN NOTIFY outbox; RETURN NULL; END $$;
CREATE TRIGGER outbox_announced AFTER INSERT ON outbox
    FOR EACH STATEMENT EXECUTE FUNCTION announce_work();

CREATE FUNCTION announce_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_notify('order_changes', NEW.id::text); RETURN NULL; END $$;
CREATE TRIGGER orders_announced AFTER UPDATE OF status ON orders
    FOR EACH ROW EXECUTE FUNCTION announce_change();
