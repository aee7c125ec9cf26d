//! rust_mix N: maps with a fixed hasher, strings, sorting, iterators and arithmetic, N rounds
//! (default 2000).
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::hash::{BuildHasherDefault, Hasher};

/// FNV-1a: the standard hasher takes random keys, and the output must be the same each time.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Fnv(0xcbf29ce484222325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x100000001b3);
        }
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn main() {
    let rounds: u64 = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(2000);
    let mut state = 88172645463325252u64;
    let mut counts: HashMap<String, u64, BuildHasherDefault<Fnv>> = HashMap::default();
    let mut ordered: BTreeMap<u64, f64> = BTreeMap::new();
    let mut text = String::new();
    let mut product = 1u64;

    for i in 0..rounds {
        let r = next(&mut state);
        *counts.entry(format!("key-{}", r % 500)).or_insert(0) += r >> 60;
        *ordered.entry(r % 997).or_insert(0.0) += (r % 1000) as f64 / 7.0;
        product = product.wrapping_mul(r | 1).rotate_left((i % 64) as u32) ^ r.count_ones() as u64;
        if i % 16 == 0 {
            text.clear();
            write!(text, "{i:>8} {r:016x} {:.3e}", r as f64).unwrap();
        }
    }

    let mut pairs: Vec<(&String, &u64)> = counts.iter().collect();
    pairs.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
    let sum: u64 = pairs.iter().map(|(_, &n)| n).sum();
    let mean = ordered.values().sum::<f64>() / ordered.len() as f64;
    let odd = ordered.iter().filter(|(key, _)| *key % 2 == 1).map(|(_, v)| v.sqrt()).fold(0.0, |a, b| a + b);

    println!("keys: {}, sum: {sum}, product: {product:016x}", pairs.len());
    for (key, count) in pairs.iter().take(3) {
        println!("  {key:<8}{count:>8}");
    }
    println!("mean: {mean:.9}, odd roots: {odd:.9}");
    println!("last line: {text}");
}
