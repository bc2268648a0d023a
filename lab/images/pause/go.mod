module octofleet.io/lab/pause

go 1.24.0
