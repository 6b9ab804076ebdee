//! Errors as people and programs meet them: RFC 9457 problem documents, or a page.
//!
//! This is the one place that turns an error into a status. Every match is exhaustive, so a new
//! kind of error forces a decision here.

use std::fmt;
use std::time::Duration;

use poem::error::ResponseError;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type as _;
use server_scout_wire::Problem;

use super::api::schema::ProblemDocument;
use crate::domain::ServiceError;
use crate::domain::ingest::Refused;
use crate::timeseries::segment::{MOST_BYTES, MOST_REPORTS};

/// A request that failed, ready to be answered.
#[derive(Debug)]
pub(super) struct Failure {
    problem: Box<Problem>,
    retry_after: Option<Duration>,
}

impl Failure {
    /// The type of what a person may not do who lacks a second factor that is required.
    pub(super) const SECOND_FACTOR_REQUIRED: &str = "second-factor-required";

    fn new(status: StatusCode, kind: &str, title: &str) -> Self {
        let problem = Problem {
            r#type: kind.to_owned(),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: None,
            member: None,
            dashboard_time: None,
        };
        Self {
            problem: Box::new(problem),
            retry_after: None,
        }
    }

    fn detail(mut self, detail: impl Into<String>) -> Self {
        self.problem.detail = Some(detail.into());
        self
    }

    fn member(mut self, member: impl Into<String>) -> Self {
        self.problem.member = Some(member.into());
        self
    }

    /// No route, or nothing of that name for this principal.
    pub(super) fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            "There is no such thing here",
        )
    }

    /// The route exists, but not for this method.
    pub(super) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "This address does not know that method",
        )
    }

    /// A credential is needed and there is none that counts. Unknown, expired and revoked
    /// credentials get the same words.
    pub(super) fn unauthenticated() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "A valid credential is needed",
        )
    }

    /// The principal is known and may not.
    pub(super) fn forbidden(detail: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed").detail(detail)
    }

    /// A form that did not come from our own page.
    pub(super) fn foreign_form() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "cross-site",
            "This request did not come from the dashboard's own page",
        )
        .detail("Open the page again and repeat what you did.")
    }

    /// Something in the request is malformed.
    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "bad-request",
            "The request is malformed",
        )
        .detail(detail)
    }

    /// More than one credential in a request.
    pub(super) fn two_principals() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "two-principals",
            "The request presents more than one credential",
        )
        .detail("Send one of X-API-Key, Authorization and the session cookie, once.")
    }

    /// A host that this dashboard does not answer for.
    pub(super) fn misdirected() -> Self {
        Self::new(
            StatusCode::MISDIRECTED_REQUEST,
            "unknown-host",
            "This dashboard does not answer for that host",
        )
        .detail("Add the name to SERVERSCOUT_HOSTS if it should.")
    }

    /// A body beyond its bound.
    pub(super) fn too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            "The body is too large",
        )
        .detail(format!("At most {limit} bytes are taken here."))
    }

    /// A body of an unknown kind.
    pub(super) fn unsupported_media_type(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "The body is of an unknown kind",
        )
        .detail(detail)
    }

    /// A body that did not come in time.
    pub(super) fn too_slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "too-slow",
            "The request did not arrive in time",
        )
    }

    /// More streams than one credential may hold open.
    pub(super) fn too_many_streams() -> Self {
        let mut failure = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-streams",
            "Too many live streams are open",
        );
        failure.retry_after = Some(Duration::from_secs(30));
        failure
    }

    /// More exports, charts and questions than may be under way.
    pub(super) fn too_many_readings() -> Self {
        let mut failure = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-readings",
            "Too many exports, charts or questions about many servers are under way",
        );
        failure.retry_after = Some(Duration::from_secs(5));
        failure
    }

    /// The dashboard has too much to do.
    pub(super) fn busy() -> Self {
        ServiceError::Unavailable {
            retry_after: Duration::from_secs(2),
        }
        .into()
    }

    /// Our own fault. The log has the details; the answer has none.
    pub(super) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "The dashboard failed",
        )
        .detail("The service log says more.")
    }

    /// A value of a request breaks a rule.
    pub(super) fn invalid(member: &str, reason: &str) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid",
            "A value is not allowed",
        )
        .detail(format!("{member} {reason}"))
        .member(member)
    }

    /// The problem document.
    pub(super) fn problem(&self) -> &Problem {
        &self.problem
    }

    /// Takes the problem document.
    pub(super) fn into_problem(self) -> Problem {
        *self.problem
    }

    /// The HTTP status.
    pub(super) fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Adds what every answer to this failure needs, whatever its body.
    pub(super) fn decorate(&self, response: &mut Response) {
        response.set_status(self.status_code());
        if let Some(after) = self.retry_after {
            let seconds = HeaderValue::from(after.as_secs().max(1));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        if self.status_code() == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, scheme);
        }
    }
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Conflict { member, reason } => {
                Self::new(StatusCode::CONFLICT, "conflict", "This conflicts with what is there already")
                    .detail(format!("{member} {reason}"))
                    .member(member)
            }
            ServiceError::EnrolmentClosed => {
                let title = "This enrolment code opens nothing";
                Self::new(StatusCode::GONE, "enrolment-closed", title).detail(
                    "It has been used, has expired, or was replaced by a newer one. Have a new one made.",
                )
            }
            ServiceError::Forbidden => Self::forbidden("Your role or token does not include this."),
            ServiceError::Invalid { member, reason } => Self::invalid(member, &reason),
            ServiceError::LastOwner => {
                let title = "An organisation keeps at least one owner";
                Self::new(StatusCode::CONFLICT, "last-owner", title)
                    .detail("Make somebody else an owner first.")
            }
            ServiceError::NotFound => Self::not_found(),
            ServiceError::ProofNeeded => {
                Self::new(StatusCode::FORBIDDEN, "proof-needed", "Confirm that it is you").detail(
                    "This change asks for a password or a second factor of the last 15 minutes. Open /confirm in this browser.",
                )
            }
            ServiceError::LastSecondFactor => Self::new(
                StatusCode::CONFLICT,
                "last-second-factor",
                "The last second factor stays",
            )
            .detail(error.to_string()),
            ServiceError::LoginOver => Self::new(
                StatusCode::UNAUTHORIZED,
                "login-over",
                "This login is over; log in again",
            ),
            ServiceError::SecondFactorRequired => Self::new(
                StatusCode::FORBIDDEN,
                Self::SECOND_FACTOR_REQUIRED,
                "This organisation requires a second factor",
            )
            .detail("Set one up on the page /account/second-factor of the dashboard."),
            ServiceError::LinkClosed => {
                Self::new(StatusCode::GONE, "link-closed", "This link opens nothing any more").detail(
                    "It has been used, has expired, or was replaced by a newer one. Whoever gave it to you can make another; the dashboard prints a new first-owner link at its next start.",
                )
            }
            ServiceError::TooManyAttempts { retry_after } => {
                let title = "Too many attempts failed";
                let mut failure = Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-attempts", title);
                failure.retry_after = Some(retry_after);
                failure
            }
            ServiceError::TooManyChanges { retry_after } => {
                let title = "Too many changes at once";
                let mut failure = Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-changes", title);
                failure.retry_after = Some(retry_after);
                failure
            }
            ServiceError::TooManyConfirmations { retry_after } => {
                let words = error.to_string();
                let title = "Too many addresses were asked";
                let failure = Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-confirmations", title);
                let mut failure = failure.detail(words);
                failure.retry_after = Some(retry_after);
                failure
            }
            ServiceError::TooManyTests { retry_after } => {
                let words = error.to_string();
                let title = "Too many tests of channels";
                let failure = Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-tests", title);
                let mut failure = failure.detail(words);
                failure.retry_after = Some(retry_after);
                failure
            }
            ServiceError::Unauthenticated => Self::unauthenticated(),
            ServiceError::Unavailable { retry_after } => {
                let title = "The dashboard cannot do this right now";
                let mut failure = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", title);
                failure.retry_after = Some(retry_after);
                failure
            }
            ServiceError::WrongSecondFactor => Self::new(
                StatusCode::UNAUTHORIZED,
                "wrong-second-factor",
                "The second factor is wrong or was used already",
            ),
            ServiceError::WrongLogin => {
                Self::new(StatusCode::UNAUTHORIZED, "wrong-login", "Address or password is wrong")
            }
        }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::ClockSkew { report, dashboard } => {
                let mut failure = Self::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "clock-skew",
                    "The report is from the future",
                )
                .detail(format!("The report says {report}; set the server's clock."))
                .member("timestamp");
                failure.problem.dashboard_time = Some(dashboard);
                failure
            }
            Refused::Invalid(refusal) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid-report",
                "The report is not valid",
            )
            .detail(refusal.to_string())
            .member(refusal.member()),
            Refused::TooMany => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "too-many-reports",
                "The server has sent too many reports",
            )
            .detail(format!(
                "Of one server, {MOST_REPORTS} reports and {} MiB are kept of each half-day.",
                MOST_BYTES >> 20
            ))
            .member("timestamp"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.problem.r#type, self.problem.title)
    }
}

impl std::error::Error for Failure {}

impl ResponseError for Failure {
    fn status(&self) -> StatusCode {
        self.status_code()
    }

    fn as_response(&self) -> Response {
        let body = serde_json::to_vec(&self.problem).unwrap_or_default();
        let mut response = body.with_content_type(PROBLEM_JSON).into_response();
        self.decorate(&mut response);
        response
    }
}

impl ApiResponse for Failure {
    // As ranges and not as the default, which generated clients would take for a success, too.
    fn meta() -> MetaResponses {
        let of = |range: &str, description| MetaResponse {
            description,
            status: None,
            status_range: Some(range.to_owned()),
            content: vec![MetaMediaType {
                content_type: PROBLEM_JSON,
                schema: ProblemDocument::schema_ref(),
            }],
            headers: vec![],
        };
        MetaResponses {
            responses: vec![
                of(
                    "4XX",
                    "The request cannot be carried out; a problem document (RFC 9457)",
                ),
                of(
                    "5XX",
                    "The dashboard cannot do this now; a problem document (RFC 9457)",
                ),
            ],
        }
    }

    fn register(registry: &mut Registry) {
        ProblemDocument::register(registry);
    }
}

const PROBLEM_JSON: &str = "application/problem+json";
