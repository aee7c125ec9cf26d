CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT, price REAL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000)
INSERT INTO item SELECT i, printf('item %05d', (i * 7919) % 8000), (i * 31 % 977) / 7.0 FROM n;
CREATE INDEX by_name ON item(name);
SELECT count(*), sum(price), max(name) FROM item WHERE name LIKE '%7%';
SELECT a.name, b.price FROM item a JOIN item b ON a.id = b.id + 3 ORDER BY b.price DESC, a.name LIMIT 3;
UPDATE item SET price = price * 2 WHERE id % 3 = 0;
SELECT substr(name, 1, 6) AS part, avg(price) FROM item GROUP BY part ORDER BY part LIMIT 3;
