CREATE TABLE members (
    no     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mail   text NOT NULL UNIQUE,
    secret text NOT NULL
);
CREATE TABLE sessions (token text PRIMARY KEY, member bigint NOT NULL REFERENCES members);
CREATE TABLE items (
    sku   text PRIMARY KEY,
    label text NOT NULL,
    price numeric(10, 2) NOT NULL,
    stock integer NOT NULL CHECK (stock >= 0)
);
CREATE TABLE purchases (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    member     bigint NOT NULL REFERENCES members,
    sku        text NOT NULL REFERENCES items,
    count      integer NOT NULL,
    total      numeric(10, 2) NOT NULL,
    state      text NOT NULL DEFAULT 'NEW',
    request_id text NOT NULL,
    created    timestamptz NOT NULL DEFAULT clock_timestamp(),
    closed     timestamptz,
    UNIQUE (member, request_id)
);
CREATE TABLE tasks (purchase bigint PRIMARY KEY REFERENCES purchases);
