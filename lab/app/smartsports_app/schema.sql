-- The shop's tables and its first season. Made once, by whichever instance comes first; small on purpose, and made by generate_series.
CREATE TABLE settings (
    resource text PRIMARY KEY,
    settings jsonb NOT NULL DEFAULT '{}',
    version  integer NOT NULL DEFAULT 0
);

-- Who is alive; worth nothing after a crash.
CREATE UNLOGGED TABLE instances (
    instance          text PRIMARY KEY,
    seen_at           timestamptz NOT NULL,
    purchases         integer NOT NULL,
    purchases_waiting integer NOT NULL,
    payments          integer NOT NULL
);

CREATE TABLE venues (
    id          integer PRIMARY KEY,
    name        text NOT NULL,
    city        text NOT NULL,
    capacity    integer NOT NULL,
    description text NOT NULL
);
CREATE TABLE teams (
    id          integer PRIMARY KEY,
    name        text NOT NULL,
    city        text NOT NULL,
    founded     integer NOT NULL,
    description text NOT NULL
);
CREATE TABLE matches (
    id         integer PRIMARY KEY,
    home_id    integer NOT NULL REFERENCES teams,
    away_id    integer NOT NULL REFERENCES teams,
    played_at  timestamptz NOT NULL,
    home_goals integer NOT NULL,
    away_goals integer NOT NULL
);
CREATE TABLE events (
    id          integer PRIMARY KEY,
    title       text NOT NULL,
    home_id     integer NOT NULL REFERENCES teams,
    away_id     integer NOT NULL REFERENCES teams,
    venue_id    integer NOT NULL REFERENCES venues,
    starts_at   timestamptz NOT NULL,
    competition text NOT NULL,
    tags        text[] NOT NULL,
    from_price  integer NOT NULL,
    seats       integer NOT NULL DEFAULT 500,
    description text NOT NULL,
    document    tsvector GENERATED ALWAYS AS (to_tsvector('english', title || ' ' || competition || ' ' || description)) STORED
);
CREATE INDEX events_document ON events USING gin (document);

CREATE TABLE seats (
    event_id integer NOT NULL,
    seat     text NOT NULL,
    number   integer NOT NULL,
    section  text NOT NULL,
    price    integer NOT NULL,
    status   text NOT NULL DEFAULT 'free' CHECK (status IN ('free', 'reserved', 'sold')),
    order_id uuid,
    PRIMARY KEY (event_id, seat)
) WITH (fillfactor = 90);
CREATE INDEX seats_free ON seats (event_id, number) WHERE status = 'free';
CREATE INDEX seats_order ON seats (order_id) WHERE order_id IS NOT NULL;

CREATE TABLE orders (
    id              uuid PRIMARY KEY,
    client          text NOT NULL,
    idempotency_key text NOT NULL,
    event_id        integer NOT NULL,
    seat            text NOT NULL,
    price           integer NOT NULL DEFAULT 0,
    email           text NOT NULL,
    status          text NOT NULL DEFAULT 'reserved'
                    CHECK (status IN ('reserved', 'queued', 'confirmed', 'declined', 'failed', 'expired')),
    created_at      timestamptz NOT NULL DEFAULT now(),
    hold_until      timestamptz NOT NULL, -- the seat is held for it until then
    give_up_at      timestamptz NOT NULL, -- the end of its time in the payment queue
    attempts        integer NOT NULL DEFAULT 0,
    UNIQUE (client, idempotency_key),
    FOREIGN KEY (event_id, seat) REFERENCES seats
);
CREATE INDEX orders_open ON orders (created_at) WHERE status IN ('reserved', 'queued');

-- The primary key is the promise that no seat is sold twice.
CREATE TABLE tickets (
    event_id integer NOT NULL,
    seat     text NOT NULL,
    order_id uuid NOT NULL UNIQUE REFERENCES orders,
    sold_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_id, seat),
    FOREIGN KEY (event_id, seat) REFERENCES seats
);

CREATE TABLE page_views (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client   text NOT NULL,
    kind     text NOT NULL,
    event_id integer,
    at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX page_views_client ON page_views (client, id DESC);
CREATE INDEX page_views_at ON page_views (at);

CREATE TABLE posts (
    id       integer PRIMARY KEY,
    event_id integer NOT NULL REFERENCES events,
    author   text NOT NULL,
    body     text NOT NULL,
    likes    integer NOT NULL,
    at       timestamptz NOT NULL
);
CREATE INDEX posts_event ON posts (event_id, at DESC);

CREATE TABLE mails (
    order_id  uuid PRIMARY KEY REFERENCES orders,
    status    text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'delivered')),
    message   text,
    queued_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX mails_queued ON mails (queued_at) WHERE status = 'queued';

CREATE TABLE pages (slug text PRIMARY KEY, title text NOT NULL, body text NOT NULL);

CREATE TABLE waiting_room (
    token       uuid PRIMARY KEY,
    client      text NOT NULL,
    place       bigint GENERATED ALWAYS AS IDENTITY,
    status      text NOT NULL CHECK (status IN ('waiting', 'admitted', 'done', 'abandoned')),
    queued      boolean NOT NULL, -- it had to wait
    joined_at   timestamptz NOT NULL DEFAULT now(),
    seen_at     timestamptz NOT NULL DEFAULT now(),
    admitted_at timestamptz,
    left_at     timestamptz
);
CREATE UNIQUE INDEX waiting_room_client ON waiting_room (client) WHERE status IN ('waiting', 'admitted');
CREATE INDEX waiting_room_place ON waiting_room (place) WHERE status = 'waiting';

-- One round trip to come in, or to ask how far one has got. The lock makes "how many are in" exact.
CREATE FUNCTION enter_waiting_room(p_token uuid, p_client text, p_most integer, OUT token uuid, OUT status text, OUT place bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    UPDATE waiting_room w SET seen_at = now() WHERE (w.token = p_token OR w.client = p_client) AND w.status IN ('waiting', 'admitted')
        RETURNING w.token, w.status, w.place INTO token, status, place;
    IF FOUND THEN RETURN; END IF;
    PERFORM pg_advisory_xact_lock(72002);
    INSERT INTO waiting_room AS w (token, client, status, queued, admitted_at)
        SELECT gen_random_uuid(), p_client, CASE WHEN free THEN 'admitted' ELSE 'waiting' END, NOT free, CASE WHEN free THEN now() END
        FROM (SELECT count(*) FILTER (WHERE r.status = 'admitted') < p_most AND count(*) FILTER (WHERE r.status = 'waiting') = 0 AS free
              FROM waiting_room r WHERE r.status IN ('waiting', 'admitted')) room
        ON CONFLICT (client) WHERE status IN ('waiting', 'admitted') DO UPDATE SET seen_at = now()
        RETURNING w.token, w.status, w.place INTO token, status, place;
END $$;

-- Let in whom there is room for, and strike off who left. Any instance may call it at any time.
CREATE FUNCTION admit_waiting_room(p_most integer, p_timeout integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(72002) THEN RETURN; END IF;
    UPDATE waiting_room SET status = 'abandoned', left_at = now()
        WHERE status = 'waiting' AND (joined_at < now() - make_interval(secs => p_timeout) OR seen_at < now() - interval '1 minute');
    UPDATE waiting_room SET status = 'done', left_at = now()
        WHERE status = 'admitted' AND (seen_at < now() - interval '2 minutes' OR admitted_at < now() - interval '10 minutes');
    UPDATE waiting_room SET status = 'admitted', admitted_at = now() WHERE token IN (
        SELECT token FROM waiting_room WHERE status = 'waiting' ORDER BY place
        LIMIT greatest(0, p_most - (SELECT count(*) FROM waiting_room WHERE status = 'admitted')));
    DELETE FROM waiting_room WHERE left_at < now() - interval '1 hour';
END $$;

INSERT INTO venues SELECT n, (ARRAY['Amahoro', 'Kigali Pelé', 'Huye', 'Umuganda', 'Bugesera', 'Muhanga', 'Nyagatare', 'Rusizi'])[n] || ' Stadium',
    (ARRAY['Kigali', 'Kigali', 'Huye', 'Rubavu', 'Nyamata', 'Muhanga', 'Nyagatare', 'Rusizi'])[n], 8000 + n * 4500,
    'Opened in ' || 1980 + n * 4 || ' and renovated since. Gates open two hours before kick-off; bring your ticket on paper or on your phone. '
    || 'Buses run from the main station every ten minutes, and parking is reserved for season tickets. Food, drinks and shirts are sold inside.'
    FROM generate_series(1, 8) n;
INSERT INTO teams SELECT n, (ARRAY['APR', 'Rayon', 'Kiyovu', 'Police', 'Mukura', 'Gasogi', 'Musanze', 'Etincelles', 'Bugesera', 'Marine', 'Gorilla', 'Amagaju',
    'Muhazi', 'Sunrise', 'Espoir', 'Rutsiro'])[n] || (ARRAY[' FC', ' Sports', ' United', ' Victory'])[1 + n % 4],
    (ARRAY['Kigali', 'Nyanza', 'Kigali', 'Kigali', 'Huye', 'Kigali', 'Musanze', 'Rubavu', 'Nyamata', 'Rubavu', 'Kigali', 'Nyamagabe', 'Rwamagana',
    'Nyagatare', 'Rusizi', 'Rutsiro'])[n], 1950 + n * 4,
    'Known for quick wings and a loud north stand; the academy brought up half of the squad. Last season ended in place ' || 1 + n * 7 % 16 || '.'
    FROM generate_series(1, 16) n;
INSERT INTO matches SELECT n, 1 + n % 16, 1 + (n + 1 + n / 16 % 15) % 16, now() - make_interval(hours => 20 * (321 - n)), (n * 7 + n / 5) % 5, (n * 11 + n / 3) % 4
    FROM generate_series(1, 320) n;
INSERT INTO events (id, title, home_id, away_id, venue_id, starts_at, competition, tags, from_price, description)
    SELECT n, h.name || ' v ' || a.name, h.id, a.id, 1 + n % 8, now() + make_interval(days => 2 + n, hours => n % 5),
    (ARRAY['Premier League', 'Peace Cup', 'Super Cup', 'Friendly'])[1 + n % 4],
    ARRAY[(ARRAY['derby', 'league', 'cup', 'final', 'youth'])[1 + n % 5], (ARRAY['evening', 'afternoon'])[1 + n % 2],
          (ARRAY['family', 'standing', 'seated'])[1 + n % 3], lower(h.city), lower(a.city)],
    3000 + n % 7 * 1000,
    'Round ' || n || ': ' || h.name || ' host ' || a.name || ' in what the supporters call the ' || (ARRAY['derby of the hills', 'battle of the lakes',
    'night of the drums', 'final before the final'])[1 + n % 4] || '. The last five meetings brought goals in the closing minutes, and both squads are '
    || (ARRAY['complete', 'missing their captains', 'full of young talent'])[1 + n % 3] || '. Families find seats in the south stand, and the brass band plays before kick-off.'
    FROM generate_series(1, 80) n JOIN teams h ON h.id = 1 + n % 16 JOIN teams a ON a.id = 1 + (n + 3 + n / 16) % 16;
INSERT INTO seats (event_id, seat, number, section, price)
    SELECT e.id, chr(65 + (s - 1) / 100) || '-' || 1 + (s - 1) % 100, s, chr(65 + (s - 1) / 100), e.from_price + 500 * (4 - (s - 1) / 100)
    FROM events e, generate_series(1, e.seats) s;
INSERT INTO posts SELECT n, 1 + n % 80, 'fan' || n * 37 % 911,
    (ARRAY['What a night ahead!', 'Who needs a lift from the station?', 'Section B sings loudest,', 'Two more days...', 'My first match ever:'])[1 + n % 5]
    || ' #' || (ARRAY['matchday', 'derby', 'allezallez', 'kigali', 'cup'])[1 + n * 3 % 5] || ' with @fan' || n * 53 % 911 || ' & friends <3 #round' || 1 + n % 80
    || ' see you at gate ' || 1 + n % 9 || ', we bring the drums and ' || n % 12 || ' flags', n * 7919 % 300, now() - make_interval(mins => n)
    FROM generate_series(1, 1200) n;
INSERT INTO pages SELECT slug, initcap(replace(slug, '-', ' ')), (SELECT string_agg(
    '## ' || initcap(replace(slug, '-', ' ')) || ', part ' || n || E'\n' || 'Tickets are **personal** and valid once. Gates open *two hours* before kick-off.' || E'\n'
    || '- Bring the ticket on paper or on your phone' || E'\n' || '- Bags larger than A4 stay outside' || E'\n' || '- Ask the stewards in yellow', E'\n\n')
    FROM generate_series(1, 12) n) FROM unnest(ARRAY['faq', 'terms', 'stadium-guide']) slug;
INSERT INTO page_views (client, kind, event_id, at) SELECT 'visitor-' || n % 97, 'event', 1 + n * 31 % 80, now() - make_interval(secs => n) FROM generate_series(1, 1000) n;
