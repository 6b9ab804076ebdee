//! What is compressed comes back, whoever compressed it, and never more than is allowed.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

use std::io::Write as _;

use flate2::write::{GzEncoder, ZlibEncoder};
use flate2::{Compress, Compression, FlushCompress};
use proptest::prelude::*;
use server_scout_wire::coding::decode;
use server_scout_wire::report::Boot;
use server_scout_wire::{
    Coding, Dictionary, Encoder, Identity, Metric, Report, Tier, Timestamp, Undecodable,
};

const CODINGS: [Coding; 2] = [Coding::Deflate, Coding::Gzip];
const ENOUGH: usize = 8 * 1024 * 1024;

#[test]
fn a_released_dictionary_never_changes() {
    // Agents of the last year compress with these: add one, and never change one.
    let released = [(0x3bf5_f8d3, 2955)];
    let known: Vec<(u32, usize)> = Dictionary::ALL
        .iter()
        .map(|dictionary| (adler(dictionary.text), dictionary.text.len()))
        .collect();
    assert_eq!(known, released);
    for dictionary in Dictionary::ALL {
        assert_eq!(dictionary.id, adler(dictionary.text));
        assert_eq!(Dictionary::of(dictionary.id), Some(*dictionary));
    }
    assert_eq!(Dictionary::of(1), None);
}

#[test]
fn what_every_report_has_in_common_does_not_travel() {
    let identity = Identity {
        boot: Boot(0x0123_4567_89ab_cdef),
        seq: 4321,
    };
    let mut report = Report::new(Timestamp::from_millis(1_800_000_000_000), identity);
    for metric in Metric::ALL {
        let described = metric.describe();
        if described.tier == Tier::Fast && described.label.is_none() {
            assert!(report.push(*metric, None, 12.0));
        }
    }
    let json = report.to_json();
    let [deflate, gzip] = CODINGS.map(|coding| Encoder::new(coding).encode(&json).unwrap().len());
    assert!(
        deflate * 3 < gzip * 2 && deflate < 160,
        "{} bytes: {gzip} with gzip, {deflate} with deflate",
        json.len()
    );
}

#[test]
fn what_does_not_pay_stays_plain() {
    let noise: Vec<u8> = (0..1000_u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes())
        .collect();
    for mut encoder in CODINGS.map(Encoder::new) {
        assert!(encoder.encode(&[b'a'; 100]).is_none(), "short");
        assert!(encoder.encode(&noise).is_none(), "noise");
        let packed = encoder.encode(&vec![b'a'; 1_000_000]).unwrap();
        assert!(packed.len() < 6000, "{}", packed.len());
        let body = decode(encoder.coding(), &packed, ENOUGH).unwrap();
        assert_eq!(body, vec![b'a'; 1_000_000]);
    }
}

#[test]
fn deflate_needs_no_dictionary() {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(b"[]").unwrap();
    let packed = encoder.finish().unwrap();
    assert_eq!(decode(Coding::Deflate, &packed, 2), Ok(b"[]".to_vec()));
}

#[test]
fn an_unknown_dictionary_is_named() {
    let text = b"of another year";
    let mut tables = Compress::new(Compression::default(), true);
    tables.set_dictionary(text).unwrap();
    let mut packed = Vec::with_capacity(100);
    tables
        .compress_vec(b"[]", &mut packed, FlushCompress::Finish)
        .unwrap();
    let unknown = Undecodable::UnknownDictionary(adler(text));
    assert_eq!(decode(Coding::Deflate, &packed, ENOUGH), Err(unknown));
    assert!(
        unknown
            .to_string()
            .contains(&format!("{:08x}", adler(text)))
    );
}

#[test]
fn nothing_is_read_beyond_the_limit() {
    let body = vec![b' '; 300_000];
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&body).unwrap();
    let packed = [
        (Coding::Gzip, gzip.finish().unwrap()),
        (
            Coding::Deflate,
            Encoder::new(Coding::Deflate).encode(&body).unwrap(),
        ),
    ];
    for (coding, packed) in packed {
        for limit in [0, 1, 299_999] {
            let decoded = decode(coding, &packed, limit);
            assert_eq!(decoded, Err(Undecodable::TooLong), "{coding:?}, {limit}");
        }
        for limit in [300_000, 300_001, ENOUGH] {
            let decoded = decode(coding, &packed, limit);
            assert_eq!(decoded.as_ref(), Ok(&body), "{coding:?}, {limit}");
        }
    }
}

#[test]
fn what_is_cut_off_or_followed_by_something_is_damaged() {
    let body = Metric::ALL.iter().map(|metric| metric.name());
    let body = body.collect::<Vec<_>>().join(",").into_bytes();
    for mut encoder in CODINGS.map(Encoder::new) {
        let packed = encoder.encode(&body).unwrap();
        for length in 0..packed.len() {
            let decoded = decode(encoder.coding(), &packed[..length], ENOUGH);
            assert_eq!(decoded, Err(Undecodable::Damaged), "{length} bytes");
        }
        let more = [packed, vec![0]].concat();
        let decoded = decode(encoder.coding(), &more, ENOUGH);
        assert_eq!(decoded, Err(Undecodable::Damaged), "one byte more");
    }
}

proptest! {
    #[test]
    fn every_body_comes_back(bodies in proptest::collection::vec("[a-e{}\",:0-9]{0,3000}", 1..5)) {
        // One encoder for all: nothing of one body may remain for the next.
        for mut encoder in CODINGS.map(Encoder::new) {
            for body in &bodies {
                if let Some(packed) = encoder.encode(body.as_bytes()) {
                    prop_assert!(packed.len() < body.len());
                    let plain = decode(encoder.coding(), &packed, body.len());
                    prop_assert_eq!(plain.unwrap(), body.as_bytes());
                }
            }
        }
    }
}

/// The checksum by which a stream names its dictionary.
fn adler(text: &[u8]) -> u32 {
    let mut tables = Compress::new(Compression::default(), true);
    tables.set_dictionary(text).unwrap()
}
