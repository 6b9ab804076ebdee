//! Whether the chains are whole.

use std::fmt::Write as _;
use std::str::FromStr;

use ring::hmac;

use super::{Audit, chain};
use crate::domain::{ServiceError, Services};
use crate::store::audit::{self, ChainRow};

/// A head as the service log once told it: `CHAIN:COUNT:SEAL`, hexadecimal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KnownHead {
    chain: i64,
    count: i64,
    seal: String,
}

/// What was found in one chain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// Whose chain, `0000000000000000` for the installation's.
    pub chain: String,
    /// Events that were looked at.
    pub events: i64,
    /// Its head, as the service log tells it.
    pub head: String,
    /// What is wrong, and where; none when it is whole.
    pub broken: Option<String>,
}

impl Services {
    /// Checks every chain from its checkpoint to its head, and against heads that the service log
    /// told earlier. Needs the key, and so the master key.
    pub async fn verify_audit(&self, known: Vec<KnownHead>) -> Result<Vec<Finding>, ServiceError> {
        let audit = self.0.audit.clone();
        let mut findings = Vec::new();
        let chains = self.store().read(audit::chains).await?;
        let lost = lost(&chains, &known);
        for stands in chains {
            findings.push(self.verify_chain(&audit, stands, &known).await?);
        }
        findings.extend(lost);
        Ok(findings)
    }

    async fn verify_chain(
        &self,
        audit: &Audit,
        stands: ChainRow,
        known: &[KnownHead],
    ) -> Result<Finding, ServiceError> {
        let Some(key) = audit.0.key.as_ref() else {
            return Err(ServiceError::invalid(
                "master key",
                "is needed to check the chains",
            ));
        };
        let mut walk = Walk::from(key, &stands);
        let number = stands.organisation_id;
        while walk.broken.is_none() {
            let after = walk.number;
            let events = self
                .store()
                .read_long(move |c| audit::after(c, number, after, AT_A_TIME))
                .await?;
            if events.is_empty() {
                break;
            }
            for event in events {
                walk.step(key, &event, known);
            }
        }
        // What was recorded while we walked is beyond the head that we know of.
        if walk.broken.is_none() && walk.number < stands.count {
            walk.broken = Some(format!(
                "the events from number {} on are missing; {} were recorded",
                walk.number + 1,
                stands.count
            ));
        }
        walk.compare_with_log(known);
        Ok(Finding {
            chain: format!("{number:016x}"),
            events: walk.events,
            head: head_of(&stands),
            broken: walk.broken,
        })
    }
}

/// A walk along one chain.
struct Walk {
    chain: i64,
    number: i64,
    seal: Vec<u8>,
    events: i64,
    broken: Option<String>,
    /// Heads of the log that the walk has passed.
    met: Vec<i64>,
    begins_after: i64,
    count: i64,
    head: Vec<u8>,
}

impl Walk {
    fn from(key: &hmac::Key, stands: &ChainRow) -> Self {
        let broken = (!chain::checkpoint_holds(key, stands))
            .then(|| "its checkpoint, where older events were removed, was changed".to_owned());
        Self {
            chain: stands.organisation_id,
            number: stands.checkpoint_number,
            seal: stands
                .checkpoint_head
                .clone()
                .unwrap_or_else(|| vec![0; 32]),
            events: 0,
            broken,
            met: Vec::new(),
            begins_after: stands.checkpoint_number,
            count: stands.count,
            head: stands.head.clone(),
        }
    }

    fn step(&mut self, key: &hmac::Key, event: &audit::EventRow, known: &[KnownHead]) {
        if self.broken.is_some() {
            return;
        }
        let expected = self.number + 1;
        if event.number != expected {
            self.broken = Some(format!("event number {expected} is missing"));
            return;
        }
        if chain::seal(key, &self.seal, event) != event.seal {
            self.broken = Some(format!("event number {expected} was changed or put in"));
            return;
        }
        self.number = expected;
        self.seal.clone_from(&event.seal);
        self.events += 1;
        if self.number == self.count && self.seal != self.head {
            self.broken = Some(format!("its end does not fit event number {expected}"));
        }
        for head in known
            .iter()
            .filter(|head| head.chain == self.chain && head.count == expected)
        {
            self.met.push(head.count);
            if head.seal != hex(&self.seal) {
                self.broken = Some(format!(
                    "event number {expected} is not the one that the service log knew"
                ));
            }
        }
    }

    /// A head of the log beyond the end means that the end was cut off.
    fn compare_with_log(&mut self, known: &[KnownHead]) {
        if self.broken.is_some() {
            return;
        }
        let beyond = known
            .iter()
            .filter(|head| head.chain == self.chain && head.count > self.begins_after)
            .filter(|head| !self.met.contains(&head.count))
            .map(|head| head.count)
            .max();
        if let Some(count) = beyond {
            self.broken = Some(format!(
                "it was cut off after number {}; the service log knew {count} events",
                self.number
            ));
        }
    }
}

/// Chains that the log knew and that are not there.
fn lost(chains: &[ChainRow], known: &[KnownHead]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for head in known {
        let there = chains
            .iter()
            .any(|chain| chain.organisation_id == head.chain);
        let chain = format!("{:016x}", head.chain);
        if there || findings.iter().any(|finding| finding.chain == chain) {
            continue;
        }
        findings.push(Finding {
            chain,
            events: 0,
            head: String::new(),
            broken: Some(
                "the service log knew it and it is gone; was its organisation deleted?".to_owned(),
            ),
        });
    }
    findings
}

/// A chain's head as the service log tells it.
pub(in crate::domain) fn head_of(chain: &ChainRow) -> String {
    format!(
        "{:016x}:{}:{}",
        chain.organisation_id,
        chain.count,
        hex(&chain.head)
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl FromStr for KnownHead {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.trim().split(':');
        let chain = parts
            .next()
            .and_then(|part| i64::from_str_radix(part, 16).ok());
        let count = parts.next().and_then(|part| part.parse().ok());
        let seal = parts
            .next()
            .filter(|part| part.len() == 64)
            .map(str::to_owned);
        match (chain, count, seal, parts.next()) {
            (Some(chain), Some(count), Some(seal), None) => Ok(Self { chain, count, seal }),
            _ => Err("expected CHAIN:COUNT:SEAL as the service log tells it"),
        }
    }
}

const AT_A_TIME: i64 = 1000;
