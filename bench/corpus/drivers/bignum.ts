// Numbers of 128 bits of as-bignum: Fibonacci numbers, factorials, divisions and their decimal digits.
import { u128 } from "as-bignum/assembly";

let digits = 0;
for (let round = 0; round < 400; round++) {
  let a = u128.Zero, b = u128.One;
  for (let i = 0; i < 150; i++) {
    const next = u128.add(a, b);
    a = b;
    b = next;
  }
  let product = u128.One;
  for (let i: u32 = 2; i < 30; i++) product = u128.mul(product, u128.from(i));
  digits += u128.div(product, u128.from(round + 7)).toString().length + b.toString().length;
}
console.log(digits.toString());
