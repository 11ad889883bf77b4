//! What a scalar means: YAML 1.1 as `yaml.v2` resolves it, which is what the Kubernetes API server reads.
//!
//! Knows: spellings of null, truth values and numbers. Must never know: the parser, where a scalar stands.
//!
//! The differences to YAML 1.2 matter: `on` and `no` are truth values, `012` is ten, `1_000` a thousand. Base 60 is
//! not read and dates stay strings, as in `yaml.v2`.

/// A resolved scalar; a string is the text as it was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number beyond the signed ones.
    UInt(u64),
    /// Any other number.
    Float(f64),
    /// Text.
    Str,
}

/// The tags that a scalar may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// `!!str`.
    Str,
    /// `!!int`.
    Int,
    /// `!!float`.
    Float,
    /// `!!bool`.
    Bool,
    /// `!!null`.
    Null,
}

/// The meaning of a plain scalar without a tag.
pub fn plain(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Scalar::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Scalar::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Scalar::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::Float(f64::NEG_INFINITY),
        _ => {}
    }
    match text.as_bytes().first() {
        Some(b'.') => float(text).map_or(Scalar::Str, Scalar::Float),
        Some(b'+' | b'-' | b'0'..=b'9') => {
            // Longer than any number that fits: spare the copy of a hostile line of digits.
            if text.len() > 4096 {
                return Scalar::Str;
            }
            let digits = text.replace('_', "");
            integer(&digits)
                .or_else(|| float(&digits).map(Scalar::Float))
                .unwrap_or(Scalar::Str)
        }
        _ => Scalar::Str,
    }
}

/// The meaning of a scalar with a tag, or none where the text is not of that kind.
pub fn tagged(text: &str, tag: Tag) -> Option<Scalar> {
    match (tag, plain(text)) {
        (Tag::Str, _) => Some(Scalar::Str),
        (Tag::Int, n @ (Scalar::Int(_) | Scalar::UInt(_)))
        | (Tag::Float, n @ Scalar::Float(_))
        | (Tag::Bool, n @ Scalar::Bool(_))
        | (Tag::Null, n @ Scalar::Null) => Some(n),
        #[expect(clippy::cast_precision_loss, reason = "a float is what was asked for")]
        (Tag::Float, Scalar::Int(n)) => Some(Scalar::Float(n as f64)),
        #[expect(clippy::cast_precision_loss, reason = "a float is what was asked for")]
        (Tag::Float, Scalar::UInt(n)) => Some(Scalar::Float(n as f64)),
        _ => None,
    }
}

/// Go's `strconv.ParseInt` with base 0, then `ParseUint`: a leading zero means octal.
fn integer(text: &str) -> Option<Scalar> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'-' => ("-", &text[1..]),
        b'+' => ("+", &text[1..]),
        _ => ("", text),
    };
    let (radix, digits) = match rest.as_bytes() {
        [b'0', b'x' | b'X', _, ..] => (16, &rest[2..]),
        [b'0', b'b' | b'B', _, ..] => (2, &rest[2..]),
        [b'0', b'o' | b'O', _, ..] => (8, &rest[2..]),
        [b'0', _, ..] => (8, &rest[1..]),
        _ => (10, rest),
    };
    // Rust's own parser takes a sign, which must not stand after a prefix.
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let signed = if sign == "-" {
        i64::from_str_radix(&format!("-{digits}"), radix)
    } else {
        i64::from_str_radix(digits, radix)
    };
    match signed {
        Ok(n) => Some(Scalar::Int(n)),
        // ParseUint takes no sign at all.
        Err(_) if sign.is_empty() => u64::from_str_radix(digits, radix).ok().map(Scalar::UInt),
        Err(_) => None,
    }
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`, and within the range of a float.
fn float(text: &str) -> Option<f64> {
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let good = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && all_digits(fraction),
        Some((whole, fraction)) => all_digits(whole) && all_digits(fraction),
        None => !mantissa.is_empty() && all_digits(mantissa),
    } && exponent.is_none_or(|e| {
        let e = e.strip_prefix(['-', '+']).unwrap_or(e);
        !e.is_empty() && all_digits(e)
    });
    let number: f64 = good.then(|| text.parse().ok())??;
    number.is_finite().then_some(number)
}

#[cfg(test)]
mod tests {
    use super::Scalar::{Bool, Float, Int, Null, Str, UInt};
    use super::{Tag, plain, tagged};

    /// What `sigs.k8s.io/yaml` makes of plain scalars (yaml.v2 2.4 `resolve`).
    #[test]
    #[expect(clippy::unreadable_literal, reason = "as they are spelled in the file")]
    fn golden() {
        for (text, expected) in [
            ("", Null),
            ("~", Null),
            ("null", Null),
            ("Null", Null),
            ("NULL", Null),
            ("nUll", Str),
            ("y", Bool(true)),
            ("Y", Bool(true)),
            ("yes", Bool(true)),
            ("YES", Bool(true)),
            ("yEs", Str),
            ("on", Bool(true)),
            ("On", Bool(true)),
            ("true", Bool(true)),
            ("True", Bool(true)),
            ("TRUE", Bool(true)),
            ("n", Bool(false)),
            ("N", Bool(false)),
            ("no", Bool(false)),
            ("No", Bool(false)),
            ("off", Bool(false)),
            ("OFF", Bool(false)),
            ("false", Bool(false)),
            ("fAlse", Str),
            ("0", Int(0)),
            ("-0", Int(0)),
            ("12", Int(12)),
            ("+12", Int(12)),
            ("-12", Int(-12)),
            ("012", Int(10)),
            ("-012", Int(-10)),
            ("0o14", Int(12)),
            ("0O14", Int(12)),
            ("0x1F", Int(31)),
            ("0X1f", Int(31)),
            ("-0x1F", Int(-31)),
            ("0b11", Int(3)),
            ("-0b11", Int(-3)),
            ("1_000", Int(1000)),
            ("0x_1F", Int(31)),
            ("1__0_", Int(10)),
            ("_1", Str),
            ("0x", Str),
            ("0b2", Str),
            ("0o8", Str),
            ("+-1", Str),
            ("0x-1", Str),
            ("-", Str),
            ("+", Str),
            ("08", Float(8.0)),
            ("09.5", Float(9.5)),
            ("08e1", Float(80.0)),
            ("00", Int(0)),
            ("9223372036854775807", Int(i64::MAX)),
            ("9223372036854775808", UInt(1 << 63)),
            ("-9223372036854775808", Int(i64::MIN)),
            ("18446744073709551615", UInt(u64::MAX)),
            ("18446744073709551616", Float(18446744073709551616.0)),
            ("+9223372036854775808", Float(9223372036854775808.0)),
            ("1.5", Float(1.5)),
            ("1.", Float(1.0)),
            (".5", Float(0.5)),
            ("+.5", Float(0.5)),
            ("-1.5e3", Float(-1500.0)),
            ("1e3", Float(1000.0)),
            ("12e03", Float(12000.0)),
            ("1e", Str),
            ("1e+", Str),
            (".", Str),
            ("..", Str),
            (".e5", Str),
            ("1e400", Str),
            ("1.2.3", Str),
            ("10.1.1.1", Str),
            ("1:30", Str),
            ("12:30:45", Str),
            ("2001-01-01", Str),
            (".inf", Float(f64::INFINITY)),
            ("-.Inf", Float(f64::NEG_INFINITY)),
            ("+.INF", Float(f64::INFINITY)),
            ("inf", Str),
            ("nan", Str),
            ("infinity", Str),
            ("-inf", Str),
            ("NaN", Str),
            ("9090/UDP", Str),
            ("127.0.0.1:80/TCP", Str),
            ("<<", Str),
            ("=", Str),
            ("1 000", Str),
            ("١", Str),
        ] {
            assert_eq!(plain(text), expected, "{text:?}");
        }
        assert!(matches!(plain(".nan"), Float(n) if n.is_nan()));
        assert!(matches!(plain(".NaN"), Float(n) if n.is_nan()));
    }

    #[test]
    fn tags() {
        assert_eq!(tagged("12", Tag::Str), Some(Str));
        assert_eq!(tagged("012", Tag::Int), Some(Int(10)));
        assert_eq!(tagged("12", Tag::Float), Some(Float(12.0)));
        assert_eq!(tagged("x", Tag::Int), None);
        assert_eq!(tagged("no", Tag::Bool), Some(Bool(false)));
        assert_eq!(tagged("", Tag::Null), Some(Null));
    }
}
