//! The samples of one report, as a row of the log holds them.
//!
//! Series ids as runs of consecutive ones, as a server's mostly are; values as whole numbers where they are
//! decimals of few digits. A report of 50 series takes about 200 bytes.

/// Series id and value.
type Samples = Vec<(i64, f64)>;

use crate::timeseries::codec::Form;

/// Samples as bytes.
#[must_use]
pub(super) fn encode(samples: &[(i64, f64)]) -> Vec<u8> {
    let mut numbers: Vec<u64> = Vec::with_capacity(samples.len() + 8);
    let mut next = 0_i64;
    for run in samples.chunk_by(|(a, _), (b, _)| a.checked_add(1) == Some(*b)) {
        let Some((first, _)) = run.first() else {
            continue;
        };
        numbers.push(zigzag(first.wrapping_sub(next)));
        numbers.push(run.len() as u64);
        next = run.last().map_or(next, |(last, _)| last.wrapping_add(1));
        numbers.extend(run.iter().flat_map(|(_, value)| words(*value)));
    }
    // Writing numbers to memory does not fail.
    let mut bytes = FORMAT.to_vec();
    bytes.extend(postcard::to_allocvec(&numbers).unwrap_or_default());
    bytes
}

/// A value as one number, or as a mark and its bits.
fn words(value: f64) -> impl Iterator<Item = u64> {
    let (first, second) = match Form::exact(std::iter::once(value)) {
        Form::Decimal(power) if u64::from(power) < WHOLE_BITS => {
            let whole = zigzag(Form::Decimal(power).quantise(value));
            (whole << SHIFT | u64::from(power), None)
        }
        _ => (WHOLE_BITS, Some(value.to_bits())),
    };
    std::iter::once(first).chain(second)
}

/// The samples; none where the bytes are damaged.
#[must_use]
pub(super) fn decode(bytes: &[u8]) -> Option<Samples> {
    if let Some(rest) = bytes.strip_prefix(&FORMAT).filter(|rest| !rest.is_empty()) {
        return runs(rest);
    }
    match bytes.split_first() {
        Some((&SINGLE, rest)) if !rest.is_empty() => singles(rest),
        // As the log was written at first: pairs.
        _ => postcard::from_bytes(bytes).ok(),
    }
}

fn runs(bytes: &[u8]) -> Option<Samples> {
    let numbers: Vec<u64> = postcard::from_bytes(bytes).ok()?;
    // A sample is a number at least.
    let most = numbers.len();
    let mut numbers = numbers.into_iter();
    let mut samples = Samples::new();
    let mut id = 0_i64;
    while let Some(apart) = numbers.next() {
        id = id.wrapping_add(unzigzag(apart));
        let length = numbers.next().filter(|length| *length <= most as u64)?;
        for _ in 0..length {
            samples.push((id, value(&mut numbers)?));
            id = id.wrapping_add(1);
        }
    }
    Some(samples)
}

/// As the log was written before: every series with its distance to the one before.
fn singles(bytes: &[u8]) -> Option<Samples> {
    let numbers: Vec<u64> = postcard::from_bytes(bytes).ok()?;
    let mut numbers = numbers.into_iter();
    let mut samples = Samples::new();
    let mut id = 0_i64;
    while let Some(apart) = numbers.next() {
        id = id.wrapping_add(unzigzag(apart));
        samples.push((id, value(&mut numbers)?));
    }
    Some(samples)
}

fn value(numbers: &mut impl Iterator<Item = u64>) -> Option<f64> {
    let number = numbers.next()?;
    if number & WHOLE_BITS == WHOLE_BITS {
        return numbers.next().map(f64::from_bits);
    }
    let power = u8::try_from(number & WHOLE_BITS).ok()?;
    Some(Form::Decimal(power).value(unzigzag(number >> SHIFT)))
}

/// Small numbers of either sign as small ones without.
fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

/// The first bytes: no report began with them before, but an empty one that ends there.
const FORMAT: [u8; 2] = [0, 0];
/// The first byte of a report as it was written before; at first none began with it but an empty one.
const SINGLE: u8 = 0;
/// The low bits say which power of ten, or that the value follows bit by bit.
const SHIFT: u32 = 3;
const WHOLE_BITS: u64 = 7;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn samples_come_back_as_they_were(
            samples in proptest::collection::vec(
                (prop_oneof![any::<i64>(), 0_i64..30], prop_oneof![
                    (0_u64..1 << 53).prop_map(|n| n as f64),
                    (-10_000_000_i64..10_000_000).prop_map(|n| n as f64 / 100.0),
                    -1e15_f64..1e15,
                ]),
                0..100,
            ),
        ) {
            prop_assert_eq!(decode(&encode(&samples)), Some(samples));
        }

        #[test]
        fn arbitrary_bytes_are_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }
    }

    #[test]
    fn what_was_logged_at_first_is_read() {
        let samples = vec![(1_i64, 0.5), (300, 7.0)];
        let bytes = postcard::to_allocvec(&samples).unwrap_or_default();
        assert_eq!(decode(&bytes), Some(samples));
        assert_eq!(decode(&[0]), Some(Vec::new()));
        // 3 with 0.5, 5 with 2^60.
        let numbers = [6, 5 << 4 | 1, 4, 7, 2_f64.powi(60).to_bits()];
        let mut bytes = vec![SINGLE];
        bytes.extend(postcard::to_allocvec(&numbers.to_vec()).unwrap_or_default());
        assert_eq!(decode(&bytes), Some(vec![(3, 0.5), (5, 2_f64.powi(60))]));
        assert_eq!(decode(&[0, 0]), Some(Vec::new()));
    }
}
