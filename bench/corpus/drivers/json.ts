// Documents that assemblyscript-json parses and writes again.
import { JSON } from "assemblyscript-json/assembly";

let size = 0;
for (let round = 0; round < 200; round++) {
  let text = '{"round": ' + round.toString() + ', "items": [';
  for (let i = 0; i < 40; i++) text += (i ? ', ' : '') + '{"name": "item ' + i.toString() + '", "price": ' + (i * 3).toString() + '.5, "there": true}';
  const parsed = <JSON.Obj>JSON.parse(text + ']}');
  size += parsed.stringify().length;
}
console.log(size.toString());
