SELECT format($$INSERT INTO many_%s
SELECT g, (g * 7) %% 100000, g %% 977, substr(md5(g::text), 1, 20) FROM generate_series(1, %s / %s) g$$,
    part, :rows, :tables)
FROM generate_series(1, :tables) part \gexec
