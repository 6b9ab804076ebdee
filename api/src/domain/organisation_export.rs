//! Taking all data of an organisation along.
//!
//! The archive is newline-delimited JSON: each line a record with its `kind`, the first one
//! `export` with the version of the form, the last one `end` with the number of records before it, so that
//! an archive that broke off is known as such.

use diesel::Connection as _;
use serde_json::{Value, json};

use super::acting::{Acting, Actor};
use super::audit::{Action, Object};
use super::{ServiceError, Services};
use crate::id::{Id, Server};
use crate::store::export::{self, Part};
use crate::store::walk::Walk;
use crate::store::{Scope, StoreError, series, servers};
use crate::timeseries::Shown;

/// An export that is being read.
pub struct Export {
    services: Services,
    scope: Scope,
    by: Actor,
    parts: std::slice::Iter<'static, Part>,
    /// The part that is read, and where it goes on.
    at: Option<(Part, i64)>,
    /// The servers whose samples are still to be read, and the one that is.
    servers: Vec<Id<Server>>,
    walk: Option<(Id<Server>, Walk)>,
    records: u64,
    stage: Stage,
}

enum Stage {
    Begin,
    Parts,
    Samples,
    Done,
}

impl Services {
    /// Begins an export of all data of the organisation that the owner acts in.
    pub async fn export_organisation(&self, acting: &Acting) -> Result<Export, ServiceError> {
        let (audit, now, acting) = (self.audit(), self.clock().now(), acting.clone());
        let (scope, by) = (acting.scope, acting.by.clone());
        let servers = self.store().read(move |c| servers::ids(c, scope)).await?;
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
            servers,
            walk: None,
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
                    json!({ "kind": "export", "version": 2, "at": at.to_string() }),
                ]))
            }
            Stage::Parts => {
                if let Some(records) = self.portion().await? {
                    return Ok(Some(records));
                }
                self.stage = Stage::Samples;
                self.samples().await.map(Some)
            }
            Stage::Samples => self.samples().await.map(Some),
            Stage::Done => Ok(None),
        }
    }

    /// The next samples, or at last the end.
    async fn samples(&mut self) -> Result<Vec<Value>, ServiceError> {
        loop {
            let Some((server, mut walk)) = self.walk.take() else {
                let Some(server) = self.servers.pop() else {
                    self.stage = Stage::Done;
                    return Ok(vec![json!({ "kind": "end", "records": self.records })]);
                };
                self.walk = Some((server, self.walk_over(server).await?));
                continue;
            };
            let (scope, by) = (self.scope, self.by.clone());
            let heads = self.services.store().heads();
            let read = self.services.store().read_portion(move |c| {
                // Before the transaction: what is folded meanwhile is known there.
                let positions = heads.of(server);
                c.transaction(|c| {
                    by.ask_again(c)?;
                    let stretch = walk.next(c, scope, &positions)?;
                    Ok::<_, StoreError>((walk, stretch.map(export::samples)))
                })
            });
            let (walk, records) = read.await?;
            let Some(records) = records else {
                continue;
            };
            self.walk = Some((server, walk));
            if !records.is_empty() {
                self.records += records.len() as u64;
                return Ok(records);
            }
        }
    }

    async fn walk_over(&self, server: Id<Server>) -> Result<Walk, ServiceError> {
        let scope = self.scope;
        let series = self.services.store();
        let series = series.read(move |c| series::ids_of_server(c, scope, server));
        let series = series.await?.into_iter().map(|id| (id, Shown::Values));
        // What comes while the export is made may be part of it or not.
        let always = i64::MIN / 2..i64::MAX / 2;
        Ok(Walk::new(server, series.collect(), None, &always))
    }

    /// The next records of the parts; none at their end.
    async fn portion(&mut self) -> Result<Option<Vec<Value>>, ServiceError> {
        loop {
            let Some((part, after)) = self.at.take().or_else(|| self.next_part()) else {
                return Ok(None);
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
            let records = records.into_iter().map(|(_, record)| record);
            return Ok(Some(records.collect()));
        }
    }

    fn next_part(&mut self) -> Option<(Part, i64)> {
        self.parts.next().map(|part| (*part, BEFORE_ALL))
    }
}

const AT_A_TIME: i64 = 500;
const BEFORE_ALL: i64 = -1;
