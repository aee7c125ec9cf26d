;; A reactor: its start function, _initialize and what is invoked each take a hundred rounds, whose
;; sum depends on all of those before.
(module
  (global $sum (mut i64) (i64.const 1))
  (func $rounds (param $salt i64) (local $i i32)
    (loop $again
      (global.set $sum
        (i64.xor (i64.mul (global.get $sum) (i64.const 6364136223846793005))
          (i64.add (local.get $salt) (i64.extend_i32_u (local.get $i)))))
      (br_if $again
        (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100)))))
  (func $start (call $rounds (i64.const 1)))
  (start $start)
  (func (export "_initialize") (call $rounds (i64.const 2)))
  (func (export "mix") (param i32 i64 f32 f64) (result f64 f32 i64 i32 i64 funcref)
    (call $rounds (i64.const 3))
    (local.get 3) (local.get 2) (local.get 1) (local.get 0) (global.get $sum) (ref.null func))
  (func (export "sum") (result i64) (call $rounds (i64.const 4)) (global.get $sum))
  (func (export "of-reference") (param funcref))
  (global (export "global") i32 (i32.const 1))
  (func (export "trap") (unreachable)))
