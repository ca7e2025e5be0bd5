"""What `toolkit desk` tells its kernels by the environment."""

SHARED_IN = "TOOLKIT_DESK_SHARED"  # the folder of what its pages share
IS_APP = "TOOLKIT_DESK_APP"  # set where there is no notebook around the desk
