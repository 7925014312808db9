package page

import "reflect"

// FormSample is the type of the data with which the pages for accounts are checked.
var FormSample = reflect.TypeFor[formSample]()

// Agent is the template's function agent.
var Agent = agent
