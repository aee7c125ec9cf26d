// Words of a text by how often they come, a class, closures, and strings built up.
class Entry {
  constructor(word, count) { this.word = word; this.count = count; }
  show() { return `${this.word}=${this.count}`; }
}
const text = Array.from({ length: 5000 }, (_, i) => "w" + ((i * 7919) % 613)).join(" ");
const counts = new Map();
for (const word of text.split(" ")) counts.set(word, (counts.get(word) || 0) + 1);
const entries = [...counts].map(([word, count]) => new Entry(word, count)).sort((a, b) => b.count - a.count);
const primes = [];
for (let n = 2; n < 4000; n++) if (primes.every(p => p * p > n || n % p)) primes.push(n);
const shown = JSON.stringify(entries.slice(0, 5).map(entry => entry.show())) + text.replace(/w(\d)(\d)/g, "$2$1").length + primes.length;
(typeof console === "object" ? console.log : print)(shown);
