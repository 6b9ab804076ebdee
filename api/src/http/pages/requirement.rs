//! Whether the organisation requires a second factor.

use poem::web::{Data, Query};
use poem::{Response, handler};
use serde::Deserialize;
use server_scout_ui::views::{RequirementView, Section, Settings};

use super::super::App;
use super::super::guard::{Access, Fields, Visitor, see_other};
use super::super::problem::Failure;
use super::login::sentence;
use super::{Declared, Routes, again, frame, html};
use crate::access::Right;
use crate::domain::ServiceError;

pub(super) fn routes(pages: &Declared<'_>, route: Routes) -> Routes {
    route.at(
        "/settings/second-factor",
        pages
            .get(Access::Session, show)
            .post(pages.guard(Access::Fresh, change)),
    )
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ShowQuery {
    done: Option<Done>,
}

/// What was just done here.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Done {
    Required,
    Optional,
}

#[handler]
async fn show(
    Data(app): Data<&App>,
    visitor: Visitor,
    Query(query): Query<ShowQuery>,
) -> poem::Result<Response> {
    let mut view = view(app, &visitor).await?;
    view.notice = query.done.map(|done| done.words().to_owned());
    Ok(html(app.pages().requirement(&view))?)
}

#[handler]
async fn change(
    Data(app): Data<&App>,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let (required, next) = match fields.take("required").as_str() {
        "yes" => (true, "/settings/second-factor?done=required"),
        "no" => (false, "/settings/second-factor?done=optional"),
        _ => return Err(Failure::invalid("required", "must be yes or no").into()),
    };
    let acting = visitor.person.acting_fresh(Right::Administer);
    let acting = acting.map_err(Failure::from)?;
    match app
        .services()
        .require_second_factor(&acting, required)
        .await
    {
        Ok(()) => Ok(see_other(next)),
        Err(error @ ServiceError::Invalid { .. }) => {
            let mut view = view(app, &visitor).await?;
            view.error = Some(sentence(&error));
            Ok(again(app.pages().requirement(&view), error)?)
        }
        Err(error) => Err(Failure::from(error).into()),
    }
}

async fn view(app: &App, visitor: &Visitor) -> Result<RequirementView, Failure> {
    let scope = visitor.person.scope(Right::Read)?;
    let requirement = app.services().second_factor_requirement(scope).await?;
    Ok(RequirementView {
        frame: frame(visitor),
        settings: Settings::at(Section::SecondFactor, visitor.person.may(Right::Administer)),
        required: requirement.required,
        members: requirement.members,
        without: requirement.without,
        may_change: visitor.person.may(Right::Administer),
        notice: None,
        error: None,
    })
}

impl Done {
    fn words(self) -> &'static str {
        match self {
            Self::Required => "From now on a second factor is required.",
            Self::Optional => "A second factor is not required any more.",
        }
    }
}
