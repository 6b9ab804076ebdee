//! The samples of one report, as a row of the log holds them.
//!
//! Series ids as the distance to the one before, values as whole numbers where they are decimals of few
//! digits: a report of 50 series takes about 200 bytes.

/// Series id and value.
type Samples = Vec<(i64, f64)>;

use crate::timeseries::codec::Form;

/// Samples as bytes.
#[must_use]
pub(super) fn encode(samples: &[(i64, f64)]) -> Vec<u8> {
    let mut numbers: Vec<u64> = Vec::with_capacity(samples.len() * 2);
    let mut before = 0_i64;
    for (id, value) in samples {
        numbers.push(zigzag(id.wrapping_sub(before)));
        before = *id;
        match Form::exact(std::iter::once(*value)) {
            Form::Decimal(power) if u64::from(power) < WHOLE_BITS => {
                let whole = zigzag(Form::Decimal(power).quantise(*value));
                numbers.push(whole << SHIFT | u64::from(power));
            }
            _ => numbers.extend([WHOLE_BITS, value.to_bits()]),
        }
    }
    // Writing numbers to memory does not fail.
    let mut bytes = vec![FORMAT];
    bytes.extend(postcard::to_allocvec(&numbers).unwrap_or_default());
    bytes
}

/// The samples; none where the bytes are damaged.
#[must_use]
pub(super) fn decode(bytes: &[u8]) -> Option<Samples> {
    match bytes.split_first() {
        Some((&FORMAT, rest)) if !rest.is_empty() => numbers(rest),
        // As the log was written at first: pairs.
        _ => postcard::from_bytes(bytes).ok(),
    }
}

fn numbers(bytes: &[u8]) -> Option<Samples> {
    let numbers: Vec<u64> = postcard::from_bytes(bytes).ok()?;
    let mut numbers = numbers.into_iter();
    let mut samples = Samples::new();
    let mut id = 0_i64;
    while let Some(apart) = numbers.next() {
        id = id.wrapping_add(unzigzag(apart));
        let number = numbers.next()?;
        let power = u8::try_from(number & WHOLE_BITS).ok()?;
        let value = if number & WHOLE_BITS == WHOLE_BITS {
            f64::from_bits(numbers.next()?)
        } else {
            Form::Decimal(power).value(unzigzag(number >> SHIFT))
        };
        samples.push((id, value));
    }
    Some(samples)
}

/// Small numbers of either sign as small ones without.
fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

/// The first byte: no report began with it before, but an empty one of one byte.
const FORMAT: u8 = 0;
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
                (any::<i64>(), prop_oneof![
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
    }
}
