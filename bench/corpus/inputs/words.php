<?php
// Words of a text by how often they come, a class, and strings built up.
class Entry {
    function __construct(public string $word, public int $count) {}
    function show(): string { return sprintf("%s=%d", $this->word, $this->count); }
}
$text = implode(" ", array_map(fn($i) => "w" . ($i * 7919) % 613, range(1, 8000)));
$counts = [];
foreach (explode(" ", $text) as $word) $counts[$word] = ($counts[$word] ?? 0) + 1;
arsort($counts);
$entries = [];
foreach ($counts as $word => $count) $entries[] = (new Entry($word, $count))->show();
echo implode(", ", array_slice($entries, 0, 5)), "\n", strlen(preg_replace('/w(\d)(\d)/', '$2$1', $text)), "\n", md5($text), "\n";
for ($i = 2, $primes = 0; $i < 3000; $i++) {
    for ($d = 2; $d * $d <= $i && $i % $d; $d++);
    $primes += $d * $d > $i;
}
echo $primes, "\n";
