//! Channels and their deliveries.

use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};

use super::super::App;
use super::super::problem::Failure;
use super::auth::PersonAuth;
use super::channel_schema::{
    AddedChannel, Channel, ChannelChange, ChannelList, Delivery, DeliveryList, NewChannel,
    QueuedTest,
};
use super::servers::Gone;
use crate::access::Right;
use crate::id::{self, Id};

pub(super) struct ChannelsApi(pub(super) App);

#[derive(ApiResponse)]
enum AddedChannelResponse {
    /// The channel was made.
    #[oai(status = 201)]
    Added(Json<AddedChannel>),
}

#[derive(ApiResponse)]
enum QueuedTestResponse {
    /// The message waits to be delivered.
    #[oai(status = 202)]
    Queued(Json<QueuedTest>),
}

#[derive(ApiResponse)]
enum AskedAgainResponse {
    /// The mail is on its way.
    #[oai(status = 202)]
    Asked(Json<Channel>),
}

#[OpenApi]
impl ChannelsApi {
    /// List channels
    ///
    /// Of what is secret, a host and the last four characters are shown and nothing else.
    #[oai(path = "/channels", method = "get", operation_id = "list_channels")]
    async fn list_channels(&self, person: PersonAuth) -> Result<Json<ChannelList>, Failure> {
        let scope = person.0.scope(Right::Read)?;
        let rows = self.0.services().channels(scope).await?;
        Ok(Json(ChannelList {
            items: rows.iter().map(Channel::from).collect(),
        }))
    }

    /// Make a channel
    ///
    /// Notices of every rule go there from now on; to an e-mail address that is no member's once it has
    /// agreed, by a link that is mailed to it. An organisation may ask 20 addresses a day, and an address is asked
    /// five times a day by all of them; beyond that 429. The signing key of a webhook is in this answer and
    /// nowhere else.
    #[oai(path = "/channels", method = "post", operation_id = "add_channel")]
    async fn add_channel(
        &self,
        person: PersonAuth,
        new: Json<NewChannel>,
    ) -> Result<AddedChannelResponse, Failure> {
        let acting = person.0.acting_fresh(Right::Administer)?;
        let new = new.0.read()?;
        let (row, signing_key) = self.0.services().add_channel(&acting, new).await?;
        Ok(AddedChannelResponse::Added(Json(AddedChannel {
            channel: (&row).into(),
            signing_key,
        })))
    }

    /// Look at a channel
    #[oai(path = "/channels/:id", method = "get", operation_id = "get_channel")]
    async fn get_channel(
        &self,
        person: PersonAuth,
        /// The channel's id.
        id: Path<String>,
    ) -> Result<Json<Channel>, Failure> {
        let scope = person.0.scope(Right::Read)?;
        let id = channel_id(&id.0)?;
        let row = self.0.services().channel(scope, id).await?;
        Ok(Json((&row).into()))
    }

    /// Rename a channel, switch it, or change from what severity on and when it is told
    ///
    /// What is secret of a channel never changes: make another one instead.
    #[oai(
        path = "/channels/:id",
        method = "patch",
        operation_id = "change_channel"
    )]
    async fn change_channel(
        &self,
        person: PersonAuth,
        /// The channel's id.
        id: Path<String>,
        change: Json<ChannelChange>,
    ) -> Result<Json<Channel>, Failure> {
        let id = self.visible(&person, &id.0).await?;
        let acting = person.0.acting_fresh(Right::Administer)?;
        let change = change.0.read()?;
        let row = self.0.services().change_channel(&acting, id, change);
        Ok(Json((&row.await?).into()))
    }

    /// Delete a channel
    ///
    /// With its deliveries, also those that wait. An alert rule that told it alone tells every channel again.
    #[oai(
        path = "/channels/:id",
        method = "delete",
        operation_id = "delete_channel"
    )]
    async fn delete_channel(
        &self,
        person: PersonAuth,
        /// The channel's id.
        id: Path<String>,
    ) -> Result<Gone, Failure> {
        let id = self.visible(&person, &id.0).await?;
        let acting = person.0.acting_fresh(Right::Administer)?;
        self.0.services().delete_channel(&acting, id).await?;
        Ok(Gone::Gone)
    }

    /// Try a channel
    ///
    /// Has a message delivered that says only that it is a test. What becomes of it is in the log of
    /// deliveries. A channel may be tested 12 times at once and 12 times an hour, all of an organisation 60
    /// times; beyond that 429. One that waits for its confirmation is not tested: 409.
    #[oai(
        path = "/channels/:id/test",
        method = "post",
        operation_id = "test_channel"
    )]
    async fn test_channel(
        &self,
        person: PersonAuth,
        /// The channel's id.
        id: Path<String>,
    ) -> Result<QueuedTestResponse, Failure> {
        let id = self.visible(&person, &id.0).await?;
        let acting = person.0.acting_fresh(Right::Administer)?;
        let delivery = self.0.services().test_channel(&acting, id).await?;
        Ok(QueuedTestResponse::Queued(Json(QueuedTest {
            delivery: delivery.to_string(),
        })))
    }

    /// Ask the address of a channel again
    ///
    /// Mails it a new link, which works once and for one hour; the one before opens nothing any more. At most
    /// three times a day for a channel, within the bounds of an address and of the organisation; beyond that 429. For
    /// a channel that does not wait 409.
    #[oai(
        path = "/channels/:id/confirmation",
        method = "post",
        operation_id = "ask_channel_again"
    )]
    async fn ask_channel_again(
        &self,
        person: PersonAuth,
        /// The channel's id.
        id: Path<String>,
    ) -> Result<AskedAgainResponse, Failure> {
        let id = self.visible(&person, &id.0).await?;
        let acting = person.0.acting_fresh(Right::Administer)?;
        let row = self.0.services().ask_channel_again(&acting, id).await?;
        Ok(AskedAgainResponse::Asked(Json((&row).into())))
    }

    /// List the deliveries of a channel
    ///
    /// The newest 100. They are kept for 30 days, the newest 1,000 that arrived and as many that were given up,
    /// and what was sent is not among what is kept. At most 500 wait, 5,000 where the receiver keeps incidents,
    /// and 10,000 of an organisation; then the oldest is given up for the newest, ends of incidents last.
    #[oai(
        path = "/channels/:id/deliveries",
        method = "get",
        operation_id = "list_deliveries"
    )]
    async fn list_deliveries(
        &self,
        person: PersonAuth,
        /// The channel's id.
        id: Path<String>,
    ) -> Result<Json<DeliveryList>, Failure> {
        let scope = person.0.scope(Right::Read)?;
        let id = channel_id(&id.0)?;
        let rows = self.0.services().deliveries(scope, id).await?;
        Ok(Json(DeliveryList {
            items: rows.iter().map(Delivery::from).collect(),
        }))
    }
}

impl ChannelsApi {
    /// The object first, then the right.
    async fn visible(&self, person: &PersonAuth, id: &str) -> Result<Id<id::Channel>, Failure> {
        let id = channel_id(id)?;
        let scope = person.0.scope(Right::Read)?;
        Ok(self.0.services().channel(scope, id).await?.id)
    }
}

/// What is no id names nothing.
pub(super) fn channel_id(text: &str) -> Result<Id<id::Channel>, Failure> {
    text.parse().map_err(|_| Failure::not_found())
}
