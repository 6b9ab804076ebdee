//! Certificates of every kind, for tests alone.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};

/// A CA of the test's own.
#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, PEM.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

impl Authority {
    /// A new CA.
    #[must_use]
    pub fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).expect("no names are valid names");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        parameters
            .distinguished_name
            .push(DnType::CommonName, "Test CA");
        let key = KeyPair::generate().expect("a key can be made");
        Self(CertifiedIssuer::self_signed(parameters, key).expect("a CA can sign itself"))
    }

    /// Writes the CA's certificate to `path`.
    pub fn write(&self, path: &Path) {
        std::fs::write(path, self.0.pem()).expect("the CA can be written");
    }

    /// A certificate for `names` that is valid now.
    #[must_use]
    pub fn leaf(&self, names: &[&str]) -> Leaf {
        let now = Timestamp::now();
        let day = SignedDuration::from_hours(24);
        self.sign(names, now - day, now + day * 30)
    }

    /// A certificate for `names` that has expired.
    #[must_use]
    pub fn expired_leaf(&self, names: &[&str]) -> Leaf {
        let now = Timestamp::now();
        let day = SignedDuration::from_hours(24);
        self.sign(names, now - day * 60, now - day * 30)
    }

    fn sign(&self, names: &[&str], from: Timestamp, to: Timestamp) -> Leaf {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut parameters = CertificateParams::new(names).expect("the names are valid");
        let (year, month, day) = date(from);
        parameters.not_before = date_time_ymd(year, month, day);
        let (year, month, day) = date(to);
        parameters.not_after = date_time_ymd(year, month, day);
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        parameters
            .distinguished_name
            .push(DnType::CommonName, "Test server");
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = parameters
            .signed_by(&key, &self.0)
            .expect("the CA can sign");
        Leaf {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Leaf {
    /// Writes both files, the key for its owner alone, each in one step.
    pub fn write(&self, certificate: &Path, key: &Path) {
        use std::os::unix::fs::PermissionsExt;

        for (path, text) in [(key, &self.key), (certificate, &self.certificate)] {
            let fresh = path.with_extension("new");
            std::fs::write(&fresh, text).expect("the file can be written");
            let private = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(&fresh, private).expect("the mode can be set");
            std::fs::rename(&fresh, path).expect("the file can be replaced");
        }
    }
}

fn date(time: Timestamp) -> (i32, u8, u8) {
    let date = time.to_zoned(jiff::tz::TimeZone::UTC).date();
    (
        i32::from(date.year()),
        date.month().unsigned_abs(),
        date.day().unsigned_abs(),
    )
}
