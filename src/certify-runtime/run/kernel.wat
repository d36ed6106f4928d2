;; What predictBatch does with every pixel, four at a time, which JavaScript cannot do. kernel.ts holds this file,
;; compiled by pipeline/kernel.ts; a test compiles it again. The memory is the caller's; pointers and counts are not
;; checked here.
(module
  (import "glean" "memory" (memory 1))

  ;; For each image of $n floats from $p on, writes the sum and the sum of squares as two floats at $out, which moves on
  ;; by 8. Returns 0 if every pixel is on [0, 1]: as unsigned integers, floats from 0 to 1 go up to 0x3f800000, and
  ;; infinity, NaNs and everything with a sign lie above. So −0 counts as outside.
  (func (export "norms") (param $p i32) (param $images i32) (param $n i32) (param $out i32) (result i32)
    (local $wide i32) (local $end i32) (local $odd i32) (local $sum f32) (local $squares f32) (local $x f32)
    (local $most v128)
    (local $x0 v128) (local $x1 v128) (local $x2 v128) (local $x3 v128)
    (local $s0 v128) (local $s1 v128) (local $s2 v128) (local $s3 v128)
    (local $q0 v128) (local $q1 v128) (local $q2 v128) (local $q3 v128)
    (block $done
      (loop $image
        (br_if $done (i32.eqz (local.get $images)))
        (local.set $images (i32.sub (local.get $images) (i32.const 1)))
        (local.set $end (i32.add (local.get $p) (i32.shl (local.get $n) (i32.const 2))))
        (local.set $wide (i32.add (local.get $p) (i32.shl (i32.and (local.get $n) (i32.const -16)) (i32.const 2))))
        (local.set $s0 (v128.const i32x4 0 0 0 0))
        (local.set $s1 (local.get $s0)) (local.set $s2 (local.get $s0)) (local.set $s3 (local.get $s0))
        (local.set $q0 (local.get $s0)) (local.set $q1 (local.get $s0))
        (local.set $q2 (local.get $s0)) (local.set $q3 (local.get $s0))
        (block $tail
          (loop $sixteen
            (br_if $tail (i32.ge_u (local.get $p) (local.get $wide)))
            (local.set $x0 (v128.load (local.get $p)))
            (local.set $x1 (v128.load offset=16 (local.get $p)))
            (local.set $x2 (v128.load offset=32 (local.get $p)))
            (local.set $x3 (v128.load offset=48 (local.get $p)))
            (local.set $s0 (f32x4.add (local.get $s0) (local.get $x0)))
            (local.set $s1 (f32x4.add (local.get $s1) (local.get $x1)))
            (local.set $s2 (f32x4.add (local.get $s2) (local.get $x2)))
            (local.set $s3 (f32x4.add (local.get $s3) (local.get $x3)))
            (local.set $q0 (f32x4.add (local.get $q0) (f32x4.mul (local.get $x0) (local.get $x0))))
            (local.set $q1 (f32x4.add (local.get $q1) (f32x4.mul (local.get $x1) (local.get $x1))))
            (local.set $q2 (f32x4.add (local.get $q2) (f32x4.mul (local.get $x2) (local.get $x2))))
            (local.set $q3 (f32x4.add (local.get $q3) (f32x4.mul (local.get $x3) (local.get $x3))))
            (local.set $most (i32x4.max_u
              (i32x4.max_u (local.get $most) (i32x4.max_u (local.get $x0) (local.get $x1)))
              (i32x4.max_u (local.get $x2) (local.get $x3))))
            (local.set $p (i32.add (local.get $p) (i32.const 64)))
            (br $sixteen)))
        (local.set $s0 (f32x4.add (f32x4.add (local.get $s0) (local.get $s1)) (f32x4.add (local.get $s2) (local.get $s3))))
        (local.set $q0 (f32x4.add (f32x4.add (local.get $q0) (local.get $q1)) (f32x4.add (local.get $q2) (local.get $q3))))
        (local.set $sum (f32.add
          (f32.add (f32x4.extract_lane 0 (local.get $s0)) (f32x4.extract_lane 1 (local.get $s0)))
          (f32.add (f32x4.extract_lane 2 (local.get $s0)) (f32x4.extract_lane 3 (local.get $s0)))))
        (local.set $squares (f32.add
          (f32.add (f32x4.extract_lane 0 (local.get $q0)) (f32x4.extract_lane 1 (local.get $q0)))
          (f32.add (f32x4.extract_lane 2 (local.get $q0)) (f32x4.extract_lane 3 (local.get $q0)))))
        (block $stored
          (loop $single
            (br_if $stored (i32.ge_u (local.get $p) (local.get $end)))
            (local.set $x (f32.load (local.get $p)))
            (local.set $sum (f32.add (local.get $sum) (local.get $x)))
            (local.set $squares (f32.add (local.get $squares) (f32.mul (local.get $x) (local.get $x))))
            (local.set $odd (i32.or (local.get $odd) (i32.gt_u (i32.load (local.get $p)) (i32.const 0x3f800000))))
            (local.set $p (i32.add (local.get $p) (i32.const 4)))
            (br $single)))
        (f32.store (local.get $out) (local.get $sum))
        (f32.store offset=4 (local.get $out) (local.get $squares))
        (local.set $out (i32.add (local.get $out) (i32.const 8)))
        (br $image)))
    (i32.or (local.get $odd) (v128.any_true
      (i32x4.gt_u (local.get $most) (i32x4.splat (i32.const 0x3f800000))))))

  ;; Divides each of $n bytes from $from on by 255, rounds, and writes them as floats from $to on.
  (func (export "levels") (param $from i32) (param $to i32) (param $n i32)
    (local $wide i32) (local $end i32) (local $bytes v128) (local $half v128) (local $scale v128)
    (local.set $scale (f32x4.splat (f32.const 255)))
    (local.set $end (i32.add (local.get $from) (local.get $n)))
    (local.set $wide (i32.add (local.get $from) (i32.and (local.get $n) (i32.const -16))))
    (block $tail
      (loop $sixteen
        (br_if $tail (i32.ge_u (local.get $from) (local.get $wide)))
        (local.set $bytes (v128.load (local.get $from)))
        (local.set $half (i16x8.extend_low_i8x16_u (local.get $bytes)))
        (v128.store (local.get $to)
          (f32x4.div (f32x4.convert_i32x4_u (i32x4.extend_low_i16x8_u (local.get $half))) (local.get $scale)))
        (v128.store offset=16 (local.get $to)
          (f32x4.div (f32x4.convert_i32x4_u (i32x4.extend_high_i16x8_u (local.get $half))) (local.get $scale)))
        (local.set $half (i16x8.extend_high_i8x16_u (local.get $bytes)))
        (v128.store offset=32 (local.get $to)
          (f32x4.div (f32x4.convert_i32x4_u (i32x4.extend_low_i16x8_u (local.get $half))) (local.get $scale)))
        (v128.store offset=48 (local.get $to)
          (f32x4.div (f32x4.convert_i32x4_u (i32x4.extend_high_i16x8_u (local.get $half))) (local.get $scale)))
        (local.set $from (i32.add (local.get $from) (i32.const 16)))
        (local.set $to (i32.add (local.get $to) (i32.const 64)))
        (br $sixteen)))
    (block $done
      (loop $single
        (br_if $done (i32.ge_u (local.get $from) (local.get $end)))
        (f32.store (local.get $to) (f32.div (f32.convert_i32_u (i32.load8_u (local.get $from))) (f32.const 255)))
        (local.set $from (i32.add (local.get $from) (i32.const 1)))
        (local.set $to (i32.add (local.get $to) (i32.const 4)))
        (br $single)))))
