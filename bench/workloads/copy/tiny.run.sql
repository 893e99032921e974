-- Ten rows in each; every tenth stays empty.
SELECT format('INSERT INTO tiny_%s SELECT g, g * 7, md5(g::text) FROM generate_series(1, 10) g', part)
FROM generate_series(1, :rows) part WHERE part % 10 > 0 \gexec
