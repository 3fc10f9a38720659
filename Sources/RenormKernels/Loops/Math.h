// Elementary functions on vectors, a few units in the last place from exact over all of f32.

/// Adding it rounds to an integer, which then stands in the low bits.
static const float round_to_integer = 0x1.8p23f;
static const double round_to_integer_double = 0x1.8p52;

/// v · 2ⁿ for n in −252 ... 254, in two steps, so that denormal results and 2¹²⁸ − ulp come out right.
INLINE vf scale_by_power_of_two(vf v, vi n) {
    vi half = n >> 1;
    vf first = (vf)((half + 127) << 23);
    vf second = (vf)((n - half + 127) << 23);
    return v * first * second;
}

/// e^x: x = n·ln 2 + r, and Cephes' polynomial for e^r.
INLINE vf exponential(vf x) {
    x = clamp_above(clamp_below(x, -105), 90);
    vf shifted = multiply_add(x, splat(0x1.715476p0f), splat(round_to_integer));
    vf n = shifted - round_to_integer;
    vi whole = (vi)shifted - (vi)splat(round_to_integer);
    vf r = multiply_add(n, splat(-0.693359375f), x);
    r = multiply_add(n, splat(2.12194440e-4f), r);
    vf p = splat(1.9875691500e-4f);
    p = multiply_add(p, r, splat(1.3981999507e-3f));
    p = multiply_add(p, r, splat(8.3334519073e-3f));
    p = multiply_add(p, r, splat(4.1665795894e-2f));
    p = multiply_add(p, r, splat(1.6666665459e-1f));
    p = multiply_add(p, r, splat(5.0000001201e-1f));
    p = multiply_add(p, r * r, r + 1);
    return scale_by_power_of_two(p, whole);
}

/// ln x: x = m · 2ᵉ with m in [√½, √2), and Cephes' polynomial for ln m.
INLINE vf logarithm(vf x) {
    vi tiny = x < 0x1p-126f;
    vf scaled = choose(tiny, x * 0x1p25f, x);
    vi bits = (vi)scaled - 0x3f3504f3;
    vi exponent = (bits >> 23) - (tiny & 25);
    vf f = (vf)((bits & 0x7fffff) + 0x3f3504f3) - 1;
    vf e = __builtin_convertvector(exponent, vf);
    vf z = f * f;
    vf p = splat(7.0376836292e-2f);
    p = multiply_add(p, f, splat(-1.1514610310e-1f));
    p = multiply_add(p, f, splat(1.1676998740e-1f));
    p = multiply_add(p, f, splat(-1.2420140846e-1f));
    p = multiply_add(p, f, splat(1.4249322787e-1f));
    p = multiply_add(p, f, splat(-1.6668057665e-1f));
    p = multiply_add(p, f, splat(2.0000714765e-1f));
    p = multiply_add(p, f, splat(-2.4999993993e-1f));
    p = multiply_add(p, f, splat(3.3333331174e-1f));
    vf y = multiply_add(e, splat(-2.12194440e-4f), p * f * z);
    y = multiply_add(z, splat(-0.5f), y);
    y = multiply_add(e, splat(0.693359375f), f + y);
    y = choose(x == 0, splat(-INFINITY), y);
    y = choose(x < 0, splat(NAN), y);
    return choose(x < INFINITY, y, x);
}

INLINE vf logistic(vf x) {
    vf e = exponential(-absolute(x));
    vf upper = 1 / (1 + e);
    return choose(x >= 0, upper, e * upper);
}

/// Cephes: a polynomial near 0, where 1 − 2 / (e²ˣ + 1) cancels.
INLINE vf hyperbolic_tangent(vf x) {
    vf size = absolute(x);
    vf z = x * x;
    vf p = splat(-5.70498872745e-3f);
    p = multiply_add(p, z, splat(2.06390887954e-2f));
    p = multiply_add(p, z, splat(-5.37397155531e-2f));
    p = multiply_add(p, z, splat(1.33314422036e-1f));
    p = multiply_add(p, z, splat(-3.33332819422e-1f));
    vf near = multiply_add(p * z, size, size);
    vf far = 1 - 2 / (exponential(size + size) + 1);
    return (vf)((vi)choose(size < 0.625f, near, far) | ((vi)x & (int32_t)0x80000000));
}

/// The error function, 2/√π · ∫₀ˣ exp(−t²) dt. Near 0 x + x·P(x²); elsewhere 1 − exp(−(x + x·Q(x))), and 1 from 4 on.
/// P and Q are least in the largest relative error of the result, fitted to the function's values in double.
INLINE vf error_function(vf x) {
    vf size = absolute(x);
    vf z = x * x;
    vf p = splat(8.255910507e-5f);
    p = multiply_add(p, z, splat(-8.115250967e-4f));
    p = multiply_add(p, z, splat(5.198572297e-3f));
    p = multiply_add(p, z, splat(-2.685838938e-2f));
    p = multiply_add(p, z, splat(1.128367707e-1f));
    p = multiply_add(p, z, splat(-3.761263192e-1f));
    p = multiply_add(p, z, splat(1.283791661e-1f));
    vf near = multiply_add(p, size, size);
    vf t = clamp_above(size, 4);
    vf q = splat(1.125852759e-5f);
    q = multiply_add(q, t, splat(-3.230760631e-4f));
    q = multiply_add(q, t, splat(3.643564647e-3f));
    q = multiply_add(q, t, splat(-2.376439981e-2f));
    q = multiply_add(q, t, splat(1.062395871e-1f));
    q = multiply_add(q, t, splat(6.351496577e-1f));
    q = multiply_add(q, t, splat(1.286488771e-1f));
    vf far = 1 - exponential(-multiply_add(q, t, t));
    return (vf)((vi)choose(size < 0.93f, near, far) | ((vi)x & (int32_t)0x80000000));
}

/// log₂ x in double, x positive, finite and not 0: from the series of artanh((m − 1) / (m + 1)).
INLINE vd binary_logarithm(vd x) {
    vl bits = (vl)x - 0x3fe6a09e667f3bcd;
    vl exponent = bits >> 52;
    vd m = (vd)((bits & 0xfffffffffffff) + 0x3fe6a09e667f3bcd);
    vd s = (m - 1) / (m + 1);
    vd z = s * s;
    vd p = splat_double(1.0 / 15);
    p = multiply_add_double(p, z, splat_double(1.0 / 13));
    p = multiply_add_double(p, z, splat_double(1.0 / 11));
    p = multiply_add_double(p, z, splat_double(1.0 / 9));
    p = multiply_add_double(p, z, splat_double(1.0 / 7));
    p = multiply_add_double(p, z, splat_double(1.0 / 5));
    p = multiply_add_double(p, z, splat_double(1.0 / 3));
    p = multiply_add_double(p, z, splat_double(1.0));
    // An exponent stands in the low bits of 1.5 · 2⁵² + exponent: no instruction converts it on AVX2.
    vd e = (vd)(exponent + (vl)(splat_double(round_to_integer_double))) - round_to_integer_double;
    return multiply_add_double(s * p, splat_double(2.8853900817779268), e);
}

/// 2ᵗ in double, t in −1000 ... 1000.
INLINE vd binary_exponential(vd t) {
    vd shifted = t + round_to_integer_double;
    vl whole = (vl)shifted - (vl)(splat_double(round_to_integer_double));
    vd f = (t - (shifted - round_to_integer_double)) * 0.6931471805599453;
    vd p = splat_double(1.0 / 362880);
    p = multiply_add_double(p, f, splat_double(1.0 / 40320));
    p = multiply_add_double(p, f, splat_double(1.0 / 5040));
    p = multiply_add_double(p, f, splat_double(1.0 / 720));
    p = multiply_add_double(p, f, splat_double(1.0 / 120));
    p = multiply_add_double(p, f, splat_double(1.0 / 24));
    p = multiply_add_double(p, f, splat_double(1.0 / 6));
    p = multiply_add_double(p, f, splat_double(1.0 / 2));
    p = multiply_add_double(p, f, splat_double(1.0));
    p = multiply_add_double(p, f, splat_double(1.0));
    return p * (vd)((whole + 1023) << 52);
}

/// xʸ with the special cases of C's pow. In double, because y · log₂ x loses in f32 what 2ᵗ then magnifies.
INLINE vf power(vf x, vf y) {
    vf size = absolute(x);
    vf safe = choose((size > 0) & (size < INFINITY), size, splat(1));
    vd logarithm_of_x = binary_logarithm(__builtin_convertvector(safe, vd));
    vf limit = choose(size == 0, splat(-INFINITY), choose(size == INFINITY, size, splat(0)));
    vd t = __builtin_convertvector(y, vd) * (logarithm_of_x + __builtin_convertvector(limit, vd));
    vl low = t < -300.0, high = t > 300.0;
    t = (vd)((~(low | high) & (vl)t) | (low & (vl)((vd){} - 300.0)) | (high & (vl)(splat_double(300.0))));
    vf r = __builtin_convertvector(binary_exponential(t), vf);

    vf rounded = (absolute(y) + 0x1p23f) - 0x1p23f;
    vi large = absolute(y) >= 0x1p23f;
    vi whole = large | (rounded == absolute(y));
    // From 2²⁴ on all are even; between 2²³ and 2²⁴ the last bit of the significand is the unit.
    vi last_bit = (vi)choose(large, absolute(y), absolute(y) + 0x1p23f) & 1;
    vi odd = whole & (absolute(y) < 0x1p24f) & (last_bit == 1);
    vi negative = (vi)x < 0;
    r = choose(size == 1, splat(1), r);
    r = choose(negative & odd, -r, r);
    r = choose((x < 0) & (size < INFINITY) & ~whole, splat(NAN), r);
    r = choose((x != x) | (y != y), x + y, r);
    return choose((x == 1) | (y == 0), splat(1), r);
}
