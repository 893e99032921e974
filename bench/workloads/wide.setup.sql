CREATE TABLE wide (
    id bigint PRIMARY KEY, s1 smallint, i1 integer, i2 integer, l1 bigint, l2 bigint,
    r1 real, d1 double precision, d2 double precision, b1 boolean, b2 boolean,
    z1 timestamptz, z2 timestamptz, t1 timestamp, day1 date, day2 date, u1 uuid, u2 uuid,
    n1 numeric(12, 2), n2 numeric, x1 text, x2 text, v1 varchar(40), x3 text,
    j1 jsonb, j2 jsonb, a1 integer[], y1 bytea, y2 bytea, empty text);
