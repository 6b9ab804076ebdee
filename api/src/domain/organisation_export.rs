//! Taking all data of an organisation along.
//!
//! The archive is newline-delimited JSON: each line a record with its `kind`, the first one
//! `export` with the version of the form, the last one `end` with the number of records before it, so that
//! an archive that broke off is known as such.

use serde_json::{Value, json};

use super::acting::{Acting, Actor};
use super::audit::{Action, Object};
use super::{ServiceError, Services};
use crate::store::Scope;
use crate::store::export::{self, Part};

/// An export that is being read.
pub struct Export {
    services: Services,
    scope: Scope,
    by: Actor,
    parts: std::slice::Iter<'static, Part>,
    /// The part that is read, and where it goes on.
    at: Option<(Part, i64)>,
    records: u64,
    stage: Stage,
}

enum Stage {
    Begin,
    Parts,
    Done,
}

impl Services {
    /// Begins an export of all data of the organisation that the owner acts in.
    pub async fn export_organisation(&self, acting: &Acting) -> Result<Export, ServiceError> {
        let (audit, now, acting) = (self.audit(), self.clock().now(), acting.clone());
        let (scope, by) = (acting.scope, acting.by.clone());
        self.store()
            .write(move |c| {
                let name = crate::store::organisations::name(c, scope)?;
                let object = Object::organisation(scope, &name);
                audit.record(c, now, &acting, Action::OrganisationExported, &object, "")
            })
            .await?;
        Ok(Export {
            services: self.clone(),
            scope,
            by,
            parts: Part::ALL.iter(),
            at: None,
            records: 0,
            stage: Stage::Begin,
        })
    }
}

impl Export {
    /// The next records; none at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<Value>>, ServiceError> {
        match self.stage {
            Stage::Begin => {
                self.stage = Stage::Parts;
                let at = self.services.clock().now();
                Ok(Some(vec![
                    json!({ "kind": "export", "version": 1, "at": at.to_string() }),
                ]))
            }
            Stage::Parts => self.portion().await.map(Some),
            Stage::Done => Ok(None),
        }
    }

    async fn portion(&mut self) -> Result<Vec<Value>, ServiceError> {
        loop {
            let Some((part, after)) = self.at.take().or_else(|| self.next_part()) else {
                self.stage = Stage::Done;
                return Ok(vec![json!({ "kind": "end", "records": self.records })]);
            };
            let (scope, by) = (self.scope, self.by.clone());
            let records = self
                .services
                .store()
                .read_long(move |c| {
                    // Reading may take long; whoever loses the right meanwhile reads no further.
                    by.ask_again(c)?;
                    export::read(c, scope, part, after, AT_A_TIME)
                })
                .await?;
            let Some((last, _)) = records.last() else {
                continue;
            };
            self.at = Some((part, *last));
            self.records += records.len() as u64;
            return Ok(records.into_iter().map(|(_, record)| record).collect());
        }
    }

    fn next_part(&mut self) -> Option<(Part, i64)> {
        self.parts.next().map(|part| (*part, BEFORE_ALL))
    }
}

const AT_A_TIME: i64 = 500;
const BEFORE_ALL: i64 = -1;
