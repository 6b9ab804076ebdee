//! Taking all data of an organisation along, and deleting it for good.

use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::super::App;
use super::super::organisation_export;
use super::super::problem::Failure;
use super::auth::PersonAuth;
use super::download::Download;
use super::servers::Gone;
use crate::access::Right;

pub(super) struct OrganisationDataApi(pub(super) App);

/// The name of what is to be deleted.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields)]
pub(super) struct OrganisationDeletion {
    /// The organisation's name, as it is written.
    #[oai(validator(max_length = 256))]
    name: String,
}

#[OpenApi]
impl OrganisationDataApi {
    /// Export the organisation
    ///
    /// All its data but hashes and sealed secrets, as newline-delimited JSON in gzip; the last record
    /// is of kind `end`. For owners, with a session that has lately proved whose it is.
    #[oai(
        path = "/organisation/export",
        method = "get",
        operation_id = "export_organisation"
    )]
    async fn export_organisation(&self, person: PersonAuth) -> Result<Download, Failure> {
        let export = organisation_export::export(&self.0, &person.0).await?;
        Ok(Download(export))
    }

    /// Delete the organisation
    ///
    /// For good: people, credentials and servers at once, their data soon after. For owners, with a
    /// session that has lately proved whose it is.
    #[oai(
        path = "/organisation/deletion",
        method = "post",
        operation_id = "delete_organisation"
    )]
    async fn delete_organisation(
        &self,
        person: PersonAuth,
        deletion: Json<OrganisationDeletion>,
    ) -> Result<Gone, Failure> {
        let acting = person.0.acting_fresh(Right::Own)?;
        let services = self.0.services();
        services
            .delete_organisation(&acting, &deletion.0.name)
            .await?;
        Ok(Gone::Gone)
    }
}
