"""The far side of the verifier pool: a warden process, the workers it forks, and the frames they speak."""
