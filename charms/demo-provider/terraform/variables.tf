variable "app_name" {
  description = "Name of the application in the model"
  type        = string
  default     = "demo-provider"
}

variable "base" {
  description = "Base that the charm runs on"
  type        = string
  default     = "ubuntu@24.04"
}

variable "channel" {
  description = "Channel of Charmhub to deploy from"
  type        = string
  default     = "latest/edge"
}

variable "charm_name" {
  description = "Name on Charmhub under which you have released this charm"
  type        = string
}

variable "constraints" {
  description = "Constraints for the machines of the application"
  type        = string
  default     = null
}

variable "model_uuid" {
  description = "UUID of the model to deploy to"
  type        = string
}

variable "revision" {
  description = "Revision of the charm; null is the newest of the channel"
  type        = number
  default     = null
}

variable "units" {
  description = "Number of units"
  type        = number
  default     = 1
}
