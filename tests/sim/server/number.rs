//! Reads numbers with the errors that Kinto makes.

use serde_json::{Number, Value};

/// Kinto reads JSON with rapidjson's fast path: it takes the digits as one integer, then multiplies or divides once by a power of ten. This
/// rounds twice, and misses by one unit for a tenth of all numbers with 16 or 17 digits. A client then gets back another number than it
/// sent; this number stays the same from then on. (Integers and numbers of up to 15 digits are exact.)
pub fn as_read(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => number.as_f64().and_then(misread).map_or(Value::Null, Value::Number),
        Value::Array(items) => items.into_iter().map(as_read).collect(),
        Value::Object(members) => members.into_iter().map(|(key, value)| (key, as_read(value))).collect(),
        other => other,
    }
}

fn misread(number: f64) -> Option<Number> {
    let text = format!("{:e}", number.abs());
    let (mantissa, exponent) = text.split_once('e')?;
    let digits = mantissa.replace('.', "");
    let exponent = exponent.parse::<i32>().ok()? - (digits.len() as i32 - 1);
    let significand = digits.parse::<u64>().ok()? as f64;
    let power = format!("1e{}", exponent.abs()).parse::<f64>().ok()?;
    let read = if exponent < 0 { significand / power } else { significand * power };
    // Beyond 1e308, the power itself is infinite; such numbers (below 1e-291) are left as they are.
    Number::from_f64(if power.is_finite() { read.copysign(number) } else { number })
}
