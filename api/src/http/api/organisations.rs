//! The organisation that a request is about, the person's organisations, and the own account.

use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};

use super::super::App;
use super::super::problem::Failure;
use super::auth::PersonAuth;
use super::people_schema::{
    AccountChange, AccountDocument, AddedOrganisation, OrganisationDocument, OrganisationList,
    OrganisationName, known,
};
use super::servers::Gone;
use crate::domain::principal::PersonPrincipal;
use crate::domain::profile::EmailChange;
use crate::id::{self, Id};

pub(super) struct OrganisationsApi(pub(super) App);

#[derive(ApiResponse)]
enum AddedOrganisationResponse {
    /// The organisation was made.
    #[oai(status = 201)]
    Added(Json<AddedOrganisation>),
}

#[derive(ApiResponse)]
enum ChangedAccountResponse {
    /// Changed.
    #[oai(status = 200)]
    Changed(Json<AccountDocument>),
    /// The new address waits for the link that was mailed to it.
    #[oai(status = 202)]
    Mailed(Json<AccountDocument>),
}

#[OpenApi]
impl OrganisationsApi {
    /// Look at the organisation
    #[oai(
        path = "/organisation",
        method = "get",
        operation_id = "get_organisation"
    )]
    async fn get_organisation(
        &self,
        person: PersonAuth,
    ) -> Result<Json<OrganisationDocument>, Failure> {
        let here = person.0.identity.scope.organisation();
        let all = self.0.services().memberships(&person.0).await?;
        let found = all.iter().find(|one| one.organisation == here);
        let found = found.ok_or_else(Failure::not_found)?;
        Ok(Json(OrganisationDocument::of(found, true)))
    }

    /// Give the organisation another name
    ///
    /// For admins and owners. A session must have confirmed lately who it is.
    #[oai(
        path = "/organisation",
        method = "patch",
        operation_id = "change_organisation"
    )]
    async fn change_organisation(
        &self,
        person: PersonAuth,
        change: Json<OrganisationName>,
    ) -> Result<Json<OrganisationDocument>, Failure> {
        let name = change.0.name;
        let services = self.0.services();
        services.rename_organisation(&person.0, &name).await?;
        Ok(current(&person.0, name.trim()))
    }

    /// List own organisations
    ///
    /// A token sees its own alone.
    #[oai(
        path = "/organisations",
        method = "get",
        operation_id = "list_organisations"
    )]
    async fn list_organisations(
        &self,
        person: PersonAuth,
    ) -> Result<Json<OrganisationList>, Failure> {
        let here = person.0.identity.scope.organisation();
        let all = self.0.services().memberships(&person.0).await?;
        let item =
            |membership| OrganisationDocument::of(membership, membership.organisation == here);
        Ok(Json(OrganisationList {
            items: all.iter().map(item).collect(),
        }))
    }

    /// Make an organisation
    ///
    /// For whoever owns one, by a session that has confirmed lately who it is.
    #[oai(
        path = "/organisations",
        method = "post",
        operation_id = "add_organisation"
    )]
    async fn add_organisation(
        &self,
        person: PersonAuth,
        new: Json<OrganisationName>,
    ) -> Result<AddedOrganisationResponse, Failure> {
        let services = self.0.services();
        let id = services.create_organisation(&person.0, &new.0.name).await?;
        Ok(AddedOrganisationResponse::Added(Json(AddedOrganisation {
            id: id.to_string(),
        })))
    }

    /// Leave an organisation
    ///
    /// By a session that has confirmed lately who it is. The last owner stays.
    #[oai(
        path = "/organisations/:id/membership",
        method = "delete",
        operation_id = "leave_organisation"
    )]
    async fn leave_organisation(
        &self,
        person: PersonAuth,
        /// The organisation's id.
        id: Path<String>,
    ) -> Result<Gone, Failure> {
        let id: Id<id::Organisation> = id.0.parse().map_err(|_| Failure::not_found())?;
        self.0.services().leave_organisation(&person.0, id).await?;
        Ok(Gone::Gone)
    }

    /// Look at the own account
    #[oai(path = "/account", method = "get", operation_id = "get_account")]
    async fn get_account(&self, person: PersonAuth) -> Result<Json<AccountDocument>, Failure> {
        Ok(Json(self.account(&person.0).await?))
    }

    /// Change the own account
    ///
    /// The address by a session alone that has confirmed lately who it is; the name also with a
    /// token of scope `admin`.
    #[oai(path = "/account", method = "patch", operation_id = "change_account")]
    async fn change_account(
        &self,
        person: PersonAuth,
        change: Json<AccountChange>,
    ) -> Result<ChangedAccountResponse, Failure> {
        let AccountChange { name, email } = change.0;
        let (services, by) = (self.0.services(), &person.0);
        let mut done = EmailChange::Done;
        let mut account_email = None;
        // First what can be refused for more reasons.
        if let Some(email) = email {
            done = services.change_own_email(by, &email).await?;
            account_email = (done == EmailChange::Done).then(|| email.trim().to_lowercase());
        }
        if let Some(name) = name {
            services.change_own_name(by, &name).await?;
        }
        let mut account = self.account(by).await?;
        if let Some(email) = account_email {
            account.email = email;
        }
        Ok(match done {
            EmailChange::Done => ChangedAccountResponse::Changed(Json(account)),
            EmailChange::Mailed => ChangedAccountResponse::Mailed(Json(account)),
        })
    }
}

impl OrganisationsApi {
    async fn account(&self, person: &PersonPrincipal) -> Result<AccountDocument, Failure> {
        let name = self.0.services().own_name(person).await?;
        let identity = &person.identity;
        Ok(AccountDocument {
            id: identity.person.to_string(),
            email: identity.email.clone(),
            name: known(&name),
            role: identity.role.into(),
        })
    }
}

/// The organisation of the request, by this name.
fn current(person: &PersonPrincipal, name: &str) -> Json<OrganisationDocument> {
    let identity = &person.identity;
    Json(OrganisationDocument {
        id: identity.scope.organisation().to_string(),
        name: name.to_owned(),
        role: identity.role.into(),
        suspended: false,
        current: true,
    })
}
