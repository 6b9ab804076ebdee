//! A mail to the owners when a successor was not used in time, where there is mail.

use server_scout_ui::mails::Letter;

use crate::domain::{ServiceError, Services};
use crate::store::agent_keys::Unseen;
use crate::store::organisations;

impl Services {
    /// The page and the audit log say so in any case.
    pub(super) async fn tell_owners(&self, unseen: Vec<Unseen>) -> Result<(), ServiceError> {
        if !self.has_mail() {
            return Ok(());
        }
        for successor in unseen {
            let scope = successor.scope;
            let owners = self
                .store()
                .read(move |c| organisations::owner_addresses(c, scope, MAX_OWNERS))
                .await?;
            for to in owners {
                self.tell(&to, || letter(&successor));
            }
        }
        Ok(())
    }
}

fn letter(successor: &Unseen) -> Letter {
    let Unseen {
        ending,
        server_name,
        ..
    } = successor;
    Letter {
        subject: "A new agent key was not used and has expired".to_owned(),
        paragraphs: vec![
            format!(
                "The agent key that ends in {ending} was made for the server “{server_name}” to take \
                 the place of the one before. No report came with it in time, so it has expired."
            ),
            "The key before it is still good, and reports go on. Rotate again on the server's page \
             “Agent keys”, and put the new key to the agent before it expires."
                .to_owned(),
        ],
        link: None,
        end: "You get this as an owner of the organisation.".to_owned(),
    }
}

/// Owners that are told of one key.
const MAX_OWNERS: i64 = 20;
