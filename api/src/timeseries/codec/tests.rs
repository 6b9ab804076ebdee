use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn numbers_come_back_as_they_were(numbers in proptest::collection::vec(any::<i64>(), 0..600)) {
        let packed = Numbers::pack(&numbers);
        prop_assert_eq!(packed.unpack(numbers.len()), Ok(numbers));
    }

    #[test]
    fn values_come_back_exactly(
        hundredths in proptest::collection::vec(0_i64..1_000_000, 0..600),
        odd in proptest::option::of(-1e15_f64..1e15),
    ) {
        let mut values: Vec<f64> = hundredths.iter().map(|n| *n as f64 / 100.0).collect();
        values.extend(odd);
        prop_assert_eq!(Values::pack(&values).unpack(values.len()), Ok(values));
    }

    #[test]
    fn places_come_back_as_they_were(places in proptest::collection::btree_set(0_u32..5000, 0..600)) {
        let places: Vec<u32> = places.into_iter().collect();
        prop_assert_eq!(Places::pack(&places).unpack(5000), Ok(places));
    }

    #[test]
    fn short_values_are_off_by_one_part_in_a_thousand_at_most(value in 0.0_f64..1e15) {
        let back = Form::Short.value(Form::Short.quantise(value));
        prop_assert!((back - value).abs() <= value / 1024.0, "{value} {back}");
        prop_assert_eq!(Form::Short.value(Form::Short.quantise(back)).to_bits(), back.to_bits());
    }

    #[test]
    fn arbitrary_bytes_are_refused_or_read(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..300),
        count in 0_usize..3000,
        whole in any::<bool>(),
    ) {
        if whole {
            // With a right checksum, the decoders behind it see them.
            bytes.insert(0, FORMAT);
            bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        }
        read_all(&bytes, count);
    }

    #[test]
    fn columns_with_a_few_changed_bytes_are_refused_or_read(
        numbers in proptest::collection::vec(any::<u16>(), 2..600),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        count in 0_usize..3000,
    ) {
        let numbers: Vec<i64> = numbers.into_iter().map(i64::from).collect();
        let mut packed = Numbers::pack(&numbers);
        for (place, byte) in changes {
            if !packed.bytes.0.is_empty() {
                let place = place.index(packed.bytes.0.len());
                if let Some(changed) = packed.bytes.0.get_mut(place) {
                    *changed = byte;
                }
            }
        }
        let _ = packed.unpack(count);
        let _ = packed.unpack(numbers.len());
        read_all(&seal(&packed), count);
    }
}

fn read_all(bytes: &[u8], count: usize) {
    if let Ok(numbers) = open::<Numbers>(bytes) {
        let _ = numbers.unpack(count);
    }
    if let Ok(values) = open::<Values>(bytes) {
        let _ = values.unpack(count);
    }
    if let Ok(places) = open::<Places>(bytes) {
        let _ = places.unpack(count);
    }
}

#[test]
fn a_changed_byte_is_noticed() {
    let mut bytes = seal(&Values::pack(&[1.0, 2.5]));
    assert!(open::<Values>(&bytes).is_ok());
    if let Some(byte) = bytes.get_mut(3) {
        *byte ^= 1;
    }
    assert_eq!(open::<Values>(&bytes), Err(Damaged));
}
