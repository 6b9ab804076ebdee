//! Every page renders.

use server_scout_ui::Pages;
use server_scout_ui::views::{
    FirstOwnerView, LoginView, MessageView, NewServerView, ServerAddedView, ServerRow, ServerView,
    ServersView,
};

#[test]
fn every_page_renders() -> Result<(), server_scout_ui::UiError> {
    let pages = Pages::new()?;
    pages.login(&LoginView::default())?;
    pages.first_owner(&FirstOwnerView::default())?;
    pages.servers(&ServersView::default())?;
    pages.servers(&ServersView {
        servers: vec![ServerRow::default()],
        ..ServersView::default()
    })?;
    pages.server(&ServerView::default())?;
    pages.new_server(&NewServerView::default())?;
    pages.server_added(&ServerAddedView::default())?;
    pages.message(&MessageView::default())?;
    Ok(())
}
