//! What the files of the dashboard give away: nothing.

use std::fmt::Write as _;

use server_scout_tests::Fleet;
use server_scout_tests::fleet::{OWNER, PASSWORD};

use super::set_up;

#[tokio::test]
async fn neither_seed_nor_recovery_code_stands_in_the_files_or_the_log() {
    let fleet = Fleet::start().await;
    let mut owner = fleet.owner().await;
    let (app, codes) = set_up(&mut owner).await;
    let seed = totp_rs::Secret::try_from_base32(&app.seed).unwrap();
    let mut hex = String::new();
    for byte in seed.as_bytes() {
        let _ = write!(hex, "{byte:02x}");
    }
    let mut secrets: Vec<Vec<u8>> = vec![
        seed.as_bytes().to_vec(),
        app.seed.clone().into_bytes(),
        hex.into_bytes(),
    ];
    for code in &codes {
        secrets.push(code.clone().into_bytes());
        secrets.push(code.replace('-', "").into_bytes());
    }
    let mut haystacks = vec![fleet.dashboard.program().stderr().into_bytes()];
    for path in fleet.dashboard.setup().files() {
        haystacks.push(std::fs::read(path).unwrap());
    }
    assert!(haystacks.len() > 3);
    for secret in &secrets {
        let found = haystacks
            .iter()
            .any(|bytes| bytes.windows(secret.len()).any(|part| part == secret));
        assert!(!found, "{}", String::from_utf8_lossy(secret));
    }
}

#[tokio::test]
async fn a_seed_is_good_under_the_next_master_key_too() {
    let fleet = Fleet::start().await;
    let mut owner = fleet.owner().await;
    let (app, _) = set_up(&mut owner).await;
    let rotated = fleet.dashboard.command(&["master-key", "rotate"], "").await;
    let _ = rotated.success();
    let mut person = fleet.stranger();
    let _ = person.log_in(OWNER, PASSWORD).await;
    let code = app.code(1);
    let code = [("code", code.as_str())];
    let done = person.submit("/login/second-factor", &code).await;
    assert_eq!(done.status, 303, "{}", done.text());
    assert!(person.is_logged_in().await);
}
