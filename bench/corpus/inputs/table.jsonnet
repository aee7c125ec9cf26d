local prime(n) = std.length([d for d in std.range(2, std.floor(std.sqrt(n))) if n % d == 0]) == 0;
local words = ['w%d' % ((i * 7919) % 97) for i in std.range(1, 300)];
{
  primes: [n for n in std.range(2, 300) if prime(n)],
  counts: std.foldl(function(all, word) all { [word]: (if word in all then all[word] else 0) + 1 }, words, {}),
  text: std.join(' ', std.sort(words)),
}
