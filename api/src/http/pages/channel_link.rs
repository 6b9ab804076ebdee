//! The page behind the link by which the address of a channel agrees to be told.

use poem::web::{Data, Path};
use poem::{Response, handler};
use server_scout_ui::views::{ConfirmChannelView, MessageView};

use super::super::App;
use super::super::guard::Access;
use super::super::problem::Failure;
use super::first_owner::unreferred;
use super::{Declared, Routes, html};

pub(super) fn routes(pages: &Declared<'_>, route: Routes) -> Routes {
    let public = Access::Public;
    route.at(
        "/confirm-channel/:token",
        pages.get(public, look).post(pages.guard(public, confirm)),
    )
}

/// Looks only; mail scanners and previews may follow a link.
#[handler]
async fn look(Data(app): Data<&App>, Path(token): Path<String>) -> poem::Result<Response> {
    let asked = app.services().look_at_channel_link(&token).await;
    let asked = asked.map_err(Failure::from)?;
    let view = ConfirmChannelView {
        organisation: asked.organisation,
        channel: asked.channel,
        email: asked.email,
    };
    Ok(unreferred(html(app.pages().confirm_channel(&view))?))
}

#[handler]
async fn confirm(Data(app): Data<&App>, Path(token): Path<String>) -> poem::Result<Response> {
    let confirmed = app.services().confirm_channel(&token).await;
    confirmed.map_err(Failure::from)?;
    let view = MessageView {
        status: 200,
        title: "Your address is confirmed".to_owned(),
        detail: "Alerts go to it from now on. You can close this page.".to_owned(),
    };
    Ok(unreferred(html(app.pages().message(&view))?))
}
