//! Questions to authenticators that wait for their answers: kept here alone, asked once, for five
//! minutes.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use server_scout_wire::Timestamp;
use webauthn_rs::prelude::{DiscoverableAuthentication, PasskeyRegistration};

use crate::address::of_one_client;
use crate::secret::{Purpose, Secret, SecretHash};

/// How long a question waits.
pub(super) const LIFE: Duration = Duration::from_mins(5);
/// Questions that one asker can have open; with one more, the oldest is forgotten.
const OF_ONE: usize = 8;
/// Questions that are open at all; with one more, the oldest is forgotten.
const KEPT: usize = 10_000;

/// Who asks. Nobody else's answer counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Asker {
    /// Somebody who is logged in.
    Session(SecretHash),
    /// A login that waits for its second factor.
    Step(SecretHash),
    /// Somebody who logs in without a password.
    Stranger(Option<IpAddr>),
}

impl Asker {
    /// Somebody at that address who is not known yet.
    pub(super) fn stranger(address: Option<IpAddr>) -> Self {
        Self::Stranger(address.map(of_one_client))
    }

    /// Addresses change on the way; what a stranger must bring is the question's own name.
    fn accepts(self, other: Self) -> bool {
        self == other || matches!((self, other), (Self::Stranger(_), Self::Stranger(_)))
    }
}

/// What an answer is checked against.
pub(super) enum Asked {
    /// To make a passkey.
    ToRegister(PasskeyRegistration),
    /// To use one.
    ToProve(DiscoverableAuthentication),
}

/// The questions that are open.
#[derive(Default)]
pub(super) struct Challenges(Mutex<HashMap<SecretHash, Open>>);

struct Open {
    from: Asker,
    asked: Asked,
    since: Timestamp,
}

impl Challenges {
    /// Keeps a question and gives it a name.
    pub(super) fn keep(&self, from: Asker, asked: Asked, now: Timestamp) -> Secret {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, question| now.since(question.since) < LIFE);
        let own = open.values().filter(|question| question.from == from);
        if own.count() >= OF_ONE {
            forget_oldest(&mut open, |question| question.from == from);
        }
        if open.len() >= KEPT {
            forget_oldest(&mut open, |_| true);
        }
        let name = Secret::generate(Purpose::Challenge);
        let question = Open {
            from,
            asked,
            since: now,
        };
        open.insert(name.hash(), question);
        name
    }

    /// Takes a question by its name, once, if it is this asker's and not too old.
    pub(super) fn take(&self, name: &str, from: Asker, now: Timestamp) -> Option<Asked> {
        let name = Secret::parse(Purpose::Challenge, name)?;
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let question = open.remove(&name.hash())?;
        let counts = question.from.accepts(from) && now.since(question.since) < LIFE;
        counts.then_some(question.asked)
    }
}

fn forget_oldest(open: &mut HashMap<SecretHash, Open>, of: impl Fn(&Open) -> bool) {
    let those = open.iter().filter(|(_, question)| of(question));
    let oldest = those
        .min_by_key(|(_, question)| question.since)
        .map(|(name, _)| *name);
    if let Some(oldest) = oldest {
        open.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::second_factor::passkeys::RelyingParty;

    fn asked() -> Option<Asked> {
        let url = "https://scout.example.org".parse().ok()?;
        let (_, state) = RelyingParty::of(&url).ask_to_prove(&[]).ok()?;
        Some(Asked::ToProve(state))
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000).after(Duration::from_secs(seconds))
    }

    fn session() -> Asker {
        Asker::Session(Secret::generate(Purpose::Session).hash())
    }

    #[test]
    fn a_question_is_answered_once_by_its_asker_and_in_time() {
        let challenges = Challenges::default();
        let keep = |asker| asked().map(|asked| challenges.keep(asker, asked, at(0)));
        let (mine, other) = (session(), session());
        let Some([once, stolen, late]) = [keep(mine), keep(mine), keep(mine)]
            .into_iter()
            .collect::<Option<Vec<_>>>()
            .and_then(|names| <[Secret; 3]>::try_from(names).ok())
        else {
            panic!("no questions")
        };
        assert!(challenges.take(once.expose(), mine, at(299)).is_some());
        assert!(challenges.take(once.expose(), mine, at(299)).is_none());
        assert!(challenges.take(stolen.expose(), other, at(1)).is_none());
        // Whoever tried it has used it up.
        assert!(challenges.take(stolen.expose(), mine, at(1)).is_none());
        assert!(challenges.take(late.expose(), mine, at(300)).is_none());
    }

    #[test]
    fn one_asker_has_a_few_questions_open_and_forgets_the_oldest() {
        let challenges = Challenges::default();
        let (mine, other) = (session(), session());
        let others = asked().map(|asked| challenges.keep(other, asked, at(0)));
        let names: Vec<Secret> = (1..=9)
            .filter_map(|second| Some(challenges.keep(mine, asked()?, at(second))))
            .collect();
        let open = |name: &Secret, asker| challenges.take(name.expose(), asker, at(10)).is_some();
        let mut names = names.iter();
        assert!(names.next().is_some_and(|oldest| !open(oldest, mine)));
        assert!(names.all(|name| open(name, mine)));
        assert!(others.is_some_and(|name| open(&name, other)));
    }
}
