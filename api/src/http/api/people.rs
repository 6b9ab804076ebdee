//! The people of an organisation, and who is invited.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};

use super::super::App;
use super::super::problem::Failure;
use super::auth::PersonAuth;
use super::people_schema::{
    AddedInvitation, InvitationDocument, InvitationList, NewInvitation, PersonChange,
    PersonDocument, PersonList,
};
use super::servers::{Gone, read_cursor};
use crate::access::Right;
use crate::domain::people::MemberChange;
use crate::id::{self, Id};

pub(super) struct PeopleApi(pub(super) App);

#[derive(ApiResponse)]
enum AddedInvitationResponse {
    /// The invitation was made.
    #[oai(status = 201)]
    Added(Json<AddedInvitation>),
}

#[OpenApi]
impl PeopleApi {
    /// List the people of the organisation
    ///
    /// By address, at most `limit` (1 to 200) at a time. For admins and owners.
    #[oai(path = "/people", method = "get", operation_id = "list_people")]
    async fn list_people(
        &self,
        person: PersonAuth,
        /// How many at most; 100 unless said otherwise.
        limit: Query<Option<u32>>,
        /// Where to go on: `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Json<PersonList>, Failure> {
        let scope = person.0.scope(Right::Administer)?;
        let after = cursor.0.map(|cursor| read_cursor(&cursor)).transpose()?;
        let limit = limit.0.unwrap_or(100) as usize;
        let page = self.0.services().members(scope, after, limit).await?;
        Ok(Json(PersonList {
            items: page.members.iter().map(PersonDocument::from).collect(),
            next_cursor: page.next.map(|email| URL_SAFE_NO_PAD.encode(email)),
        }))
    }

    /// Look at a person of the organisation
    #[oai(path = "/people/:id", method = "get", operation_id = "get_person")]
    async fn get_person(
        &self,
        person: PersonAuth,
        /// The person's id.
        id: Path<String>,
    ) -> Result<Json<PersonDocument>, Failure> {
        let id = person_id(&id.0)?;
        let scope = person.0.scope(Right::Read)?;
        let member = self.0.services().member(scope, id).await?;
        person.0.scope(Right::Administer)?;
        Ok(Json((&member).into()))
    }

    /// Change a person's role, suspend a person or let one go on
    ///
    /// Their sessions in this organisation end; a change of role also revokes their access tokens
    /// here, and while they are suspended these are refused. The last owner stays. A session must
    /// have confirmed lately who it is.
    #[oai(path = "/people/:id", method = "patch", operation_id = "change_person")]
    async fn change_person(
        &self,
        person: PersonAuth,
        /// The person's id.
        id: Path<String>,
        change: Json<PersonChange>,
    ) -> Result<Json<PersonDocument>, Failure> {
        let id = person_id(&id.0)?;
        let change = MemberChange {
            role: change.0.role.map(Into::into),
            suspended: change.0.suspended,
        };
        let member = self
            .0
            .services()
            .change_member(&person.0, id, change)
            .await?;
        Ok(Json((&member).into()))
    }

    /// Take a person out of the organisation
    ///
    /// Their sessions here end and their access tokens here are revoked. Whoever belongs to no other
    /// organisation has no account any more. The last owner stays. A session must have confirmed
    /// lately who it is.
    #[oai(
        path = "/people/:id",
        method = "delete",
        operation_id = "remove_person"
    )]
    async fn remove_person(
        &self,
        person: PersonAuth,
        /// The person's id.
        id: Path<String>,
    ) -> Result<Gone, Failure> {
        let id = person_id(&id.0)?;
        self.0.services().remove_member(&person.0, id).await?;
        Ok(Gone::Gone)
    }

    /// List the open invitations
    ///
    /// By address; there are never more than the organisation may have people.
    #[oai(
        path = "/invitations",
        method = "get",
        operation_id = "list_invitations"
    )]
    async fn list_invitations(&self, person: PersonAuth) -> Result<Json<InvitationList>, Failure> {
        let scope = person.0.scope(Right::Administer)?;
        let rows = self.0.services().invitations(scope).await?;
        Ok(Json(InvitationList {
            items: rows.iter().map(InvitationDocument::from).collect(),
        }))
    }

    /// Invite somebody
    ///
    /// The link works once and for an hour. It is mailed where the dashboard sends mail, and
    /// otherwise in the answer, this once. An earlier invitation of the same address ends. A session
    /// must have confirmed lately who it is.
    #[oai(
        path = "/invitations",
        method = "post",
        operation_id = "add_invitation"
    )]
    async fn add_invitation(
        &self,
        person: PersonAuth,
        new: Json<NewInvitation>,
    ) -> Result<AddedInvitationResponse, Failure> {
        let NewInvitation { email, role } = new.0;
        let services = self.0.services();
        let invited = services.invite(&person.0, &email, role.into()).await?;
        let link = invited
            .link
            .map(|secret| self.0.link("invitation", &secret));
        Ok(AddedInvitationResponse::Added(Json(AddedInvitation {
            invitation: (&invited.row).into(),
            link,
        })))
    }

    /// Take an invitation back
    #[oai(
        path = "/invitations/:id",
        method = "delete",
        operation_id = "end_invitation"
    )]
    async fn end_invitation(
        &self,
        person: PersonAuth,
        /// The invitation's id.
        id: Path<String>,
    ) -> Result<Gone, Failure> {
        let id: Id<id::Invitation> = id.0.parse().map_err(|_| Failure::not_found())?;
        self.0.services().end_invitation(&person.0, id).await?;
        Ok(Gone::Gone)
    }
}

/// What is no id names nobody.
fn person_id(text: &str) -> Result<Id<id::Person>, Failure> {
    text.parse().map_err(|_| Failure::not_found())
}
