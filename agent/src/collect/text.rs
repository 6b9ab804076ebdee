//! Numbers and fields in the kernel's text.

/// The lines of a file.
pub fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
}

/// The fields of a line, between white space.
pub fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace)
        .filter(|field| !field.is_empty())
}

/// A whole number; none when the field is anything else or does not fit.
#[must_use]
pub fn number(field: &[u8]) -> Option<u64> {
    if field.is_empty() {
        return None;
    }
    field.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| byte - b'0')?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// A number that may have a fraction, such as a load; none when it is anything else.
#[must_use]
pub fn fraction(field: &[u8]) -> Option<f64> {
    let plain = field
        .iter()
        .all(|byte| byte.is_ascii_digit() || *byte == b'.');
    let text = std::str::from_utf8(field).ok().filter(|_| plain)?;
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// A whole number that may be below zero.
#[must_use]
pub fn signed(field: &[u8]) -> Option<i64> {
    match field.strip_prefix(b"-") {
        Some(digits) => 0_i64.checked_sub_unsigned(number(digits)?),
        None => i64::try_from(number(field)?).ok(),
    }
}
