//! An authenticator in memory: one passkey on P-256, with attestation `none`.

#![expect(clippy::indexing_slicing, reason = "a test may fail loudly")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciborium::Value as Cbor;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

/// An authenticator at one site.
pub(crate) struct Authenticator {
    key: EcdsaKeyPair,
    random: SystemRandom,
    id: [u8; 16],
    user: Option<String>,
    /// The number of its last signature; 0 for one that does not count.
    pub(crate) counter: u32,
    /// What the browser says where the page is from.
    pub(crate) origin: String,
    /// Whether its user is asked for a finger or a PIN.
    pub(crate) verifies: bool,
}

impl Authenticator {
    pub(crate) fn at(origin: &str) -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
        Self {
            key,
            random,
            id: server_scout::secret::random_bytes(),
            user: None,
            counter: 0,
            origin: origin.to_owned(),
            verifies: true,
        }
    }

    /// Answers a question for a new passkey, as the browser puts it into JSON.
    pub(crate) fn register(&mut self, options: &Value) -> String {
        assert_eq!(options["authenticatorSelection"]["residentKey"], "required");
        assert_eq!(
            options["authenticatorSelection"]["userVerification"],
            "required"
        );
        self.user = options["user"]["id"].as_str().map(ToOwned::to_owned);
        let rp_id = options["rp"]["id"].as_str().unwrap();
        let mut data = self.authenticator_data(rp_id, 0x40);
        data.extend_from_slice(&[0; 16]);
        data.extend_from_slice(&u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend_from_slice(&self.id);
        ciborium::into_writer(&self.public_key(), &mut data).unwrap();
        let mut attestation = Vec::new();
        let object = Cbor::Map(vec![
            (text("fmt"), text("none")),
            (text("attStmt"), Cbor::Map(Vec::new())),
            (text("authData"), Cbor::Bytes(data)),
        ]);
        ciborium::into_writer(&object, &mut attestation).unwrap();
        let client = self.client_data("webauthn.create", options);
        let response = json!({
            "attestationObject": encoded(&attestation),
            "clientDataJSON": encoded(&client),
            "transports": ["internal"],
        });
        self.credential(&response)
    }

    /// Answers a question for a passkey.
    pub(crate) fn prove(&mut self, options: &Value) -> String {
        assert_eq!(options["userVerification"], "required");
        if self.counter > 0 {
            self.counter += 1;
        }
        let data = self.authenticator_data(options["rpId"].as_str().unwrap(), 0);
        let client = self.client_data("webauthn.get", options);
        let mut signed = data.clone();
        signed.extend_from_slice(digest(&SHA256, &client).as_ref());
        let signature = self.key.sign(&self.random, &signed).unwrap();
        let response = json!({
            "authenticatorData": encoded(&data),
            "clientDataJSON": encoded(&client),
            "signature": encoded(signature.as_ref()),
            "userHandle": self.user,
        });
        self.credential(&response)
    }

    fn authenticator_data(&self, rp_id: &str, flags: u8) -> Vec<u8> {
        let verified = if self.verifies { 0x04 } else { 0 };
        let mut data = digest(&SHA256, rp_id.as_bytes()).as_ref().to_vec();
        data.push(flags | 0x01 | verified);
        data.extend_from_slice(&self.counter.to_be_bytes());
        data
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        json!({
            "type": kind,
            "challenge": options["challenge"],
            "origin": self.origin,
            "crossOrigin": false,
        })
        .to_string()
        .into_bytes()
    }

    /// COSE's form of a point on P-256 for ES256 (RFC 9053).
    fn public_key(&self) -> Cbor {
        let point = self.key.public_key().as_ref();
        let number = |number: i64| Cbor::Integer(number.into());
        let half = |range: std::ops::Range<usize>| Cbor::Bytes(point[range].to_vec());
        Cbor::Map(vec![
            (number(1), number(2)),
            (number(3), number(-7)),
            (number(-1), number(1)),
            (number(-2), half(1..33)),
            (number(-3), half(33..65)),
        ])
    }

    fn credential(&self, response: &Value) -> String {
        let id = encoded(&self.id);
        json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
        })
        .to_string()
    }
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn text(text: &str) -> Cbor {
    Cbor::Text(text.to_owned())
}
