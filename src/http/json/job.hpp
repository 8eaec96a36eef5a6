#pragma once

#include "actors/messages.hpp"
#include "model/job_view.hpp"

#include <string>
#include <vector>

namespace troupe::http::json {

/// Appends the job object of the API, whole.
void write_job(std::string& out, const model::job_view& job);
/// Appends it with what is known only when the job is taken: how long it will wait, and what is done to jobs like it.
void write_submitted(std::string& out, const actors::submitted& done);
/// Appends a page of a list: job objects without stages, inputs and result.
void write_jobs(std::string& out, const actors::jobs_page& page);
/// Appends the answer to a batch: to each submission its own status, with the job object as in a list, or a problem document.
void write_replies(std::string& out, const std::vector<actors::submit_reply>& replies);
/// Appends the data of a journalled event.
void write_event(std::string& out, const model::job_event& event);
/// Appends the data of a progress event.
void write_progress(std::string& out, const model::progress_event& event);

}  // namespace troupe::http::json
